import type { FastifyInstance } from '@verdict/service'
import { parseVerifierKey } from '@verdict/tlog'
import { describe, type Operation } from '../openapi/operation.ts'
import { list, object } from '../openapi/schema.ts'
import type { Store } from '../store.ts'

const text = { type: 'string' } as const
const count = { type: 'integer', minimum: 0 } as const
const head = { origin: text, vkey: text, size: count, root: text } as const
const shard = object({
  ...{ name: text, ...head, path: { ...text, description: 'where its files are' } },
  state: { enum: ['open', 'closed', 'pruned'] },
})
const operation: Operation = {
  summary: 'Which log this is, and its shards',
  answers: {
    200: {
      description: 'the oldest shard first; `size` and `root` are those of the open one',
      schema: object({ ...head, shards: list(shard, 'each is a log of its own') }),
    },
  },
}

/**
 * `GET /v1/log`: which log this is, and its shards, the oldest first. `size` and `root` are those of
 * the open one. Whoever verifies should have got the key some other way: here it only tells which
 * one to ask for.
 */
export function addGetLog(http: FastifyInstance, store: Store): void {
  http.get('/v1/log', describe(operation), async () => {
    const { name: origin } = parseVerifierKey(store.verifierKey)
    const { root, size } = store.published
    const shards = store.shards().map(({ first: _first, root, ...facts }) => ({
      ...facts,
      root: Buffer.from(root).toString('base64'),
    }))
    const open = { size, root: Buffer.from(root).toString('base64') }
    return { origin, ...open, vkey: store.verifierKey, shards }
  })
}
