import { type FastifyInstance, HttpError, HttpErrorCode } from '@verdict/service'
import type { Store } from '../store.ts'

/** What is under a path of a tile never changes. */
const IMMUTABLE = 'public, max-age=31536000, immutable'
/** About as long as it takes until there is the next checkpoint. */
const CHECKPOINT_CACHE = 'public, max-age=1'

/**
 * `GET /log/…`: the log as c2sp.org/tlog-tiles serves it, so that other people's programs read it:
 * `checkpoint`, `tile/<level>/<index>`, `tile/entries/<index>`. What no checkpoint covers is not
 * there.
 */
export function addReadTiles(http: FastifyInstance, store: Store): void {
  http.get('/log/checkpoint', async (_request, reply) =>
    reply
      .type('text/plain; charset=utf-8')
      .header('cache-control', CHECKPOINT_CACHE)
      .send(store.published.note),
  )

  http.get<{ Params: { '*': string } }>('/log/tile/*', async (request, reply) => {
    const path = `tile/${request.params['*']}`
    const bytes = store.tileFile(path)
    if (bytes === undefined) {
      const message = `\`${path}\` is nothing that the checkpoint of the log covers`
      throw new HttpError(HttpErrorCode.notFound, message)
    }
    return reply
      .type('application/octet-stream')
      .header('cache-control', IMMUTABLE)
      .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  })
}
