import type { FastifyInstance } from '@verdict/service'
import type { Store } from '../store.ts'

/**
 * `GET /v1/log`: which log this is, `{origin, size, root, vkey}`. Whoever verifies should have got
 * the key some other way: here it only tells which one to ask for.
 */
export function addGetLog(http: FastifyInstance, store: Store): void {
  http.get('/v1/log', async () => {
    const { origin, root, size } = store.published
    return { origin, size, root: Buffer.from(root).toString('base64'), vkey: store.verifierKey }
  })
}
