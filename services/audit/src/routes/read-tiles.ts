import { type FastifyInstance, type FastifyReply, HttpError, HttpErrorCode } from '@verdict/service'
import { FIRST_SHARD } from '../log/shard-name.ts'
import { describe, type Operation } from '../openapi/operation.ts'
import { ref } from '../openapi/schema.ts'
import type { Store } from '../store.ts'

/** What is under a path of a tile never changes. */
const IMMUTABLE = 'public, max-age=31536000, immutable'
/** About as long as it takes until there is the next checkpoint. */
const CHECKPOINT_CACHE = 'public, max-age=1'

const readCheckpoint: Operation = {
  summary: 'The signed checkpoint of a shard',
  answers: {
    200: { description: 'a signed note: origin, size, root', type: 'text/plain' },
    404: { description: 'there is no such shard', schema: ref('Error') },
  },
}
const readTile: Operation = {
  summary: 'A hash tile, or a bundle of entries, of a shard',
  answers: {
    200: { description: 'as tlog-tiles has it', type: 'application/octet-stream' },
    404: { description: 'nothing that the checkpoint covers', schema: ref('Error') },
    410: { description: 'entries that were pruned: hashes stay', schema: ref('Error') },
  },
}

interface OfShard {
  readonly Params: { readonly shard?: string; readonly '*'?: string }
}

/**
 * `GET /log/<shard>/…`: each shard as c2sp.org/tlog-tiles serves it, so that other people's programs
 * read it: `checkpoint`, `tile/<level>/<index>`, `tile/entries/<index>`. A log that was begun
 * without shards has its first one right under `/log/`. What no checkpoint covers is not there. With
 * a policy of witnesses `checkpoint` is the newest one that meets it, and `checkpoint.unwitnessed`
 * the newest one.
 */
export function addReadTiles(http: FastifyInstance, store: Store): void {
  for (const path of ['/log', '/log/:shard']) {
    http.get<OfShard>(`${path}/checkpoint`, describe(readCheckpoint), async (request, reply) => {
      const { shard = FIRST_SHARD } = request.params
      requireShard(store, shard)
      const shown = store.shownOf(shard)
      if (shown !== undefined) return sendCheckpoint(reply, shown.note)
      const why = 'no checkpoint has the cosignatures of enough witnesses yet'
      throw new HttpError(HttpErrorCode.unavailable, `${why}: see \`checkpoint.unwitnessed\``)
    })

    http.get<OfShard>(
      `${path}/checkpoint.unwitnessed`,
      describe(readCheckpoint),
      async (request, reply) => {
        const { shard = FIRST_SHARD } = request.params
        return sendCheckpoint(reply, requireShard(store, shard))
      },
    )

    http.get<OfShard>(`${path}/tile/*`, describe(readTile), async (request, reply) => {
      const { shard = FIRST_SHARD } = request.params
      requireShard(store, shard)
      return sendTile(reply, store, { shard, path: `tile/${request.params['*']}` })
    })
  }
}

function sendCheckpoint(reply: FastifyReply, note: string): FastifyReply {
  return reply
    .type('text/plain; charset=utf-8')
    .header('cache-control', CHECKPOINT_CACHE)
    .send(note)
}

function sendTile(
  reply: FastifyReply,
  store: Store,
  { shard, path }: { shard: string; path: string },
): FastifyReply {
  const bytes = store.tileFile(shard, path)
  if (bytes === 'pruned') {
    const why = 'its period of retention is over, and only hashes are kept'
    throw new HttpError(HttpErrorCode.pruned, `the entries of shard \`${shard}\` are gone: ${why}`)
  }
  if (bytes === undefined) {
    const message = `\`${path}\` is nothing that the checkpoint of the log covers`
    throw new HttpError(HttpErrorCode.notFound, message)
  }
  return reply
    .type('application/octet-stream')
    .header('cache-control', IMMUTABLE)
    .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
}

/** What the shard has signed. */
function requireShard(store: Store, shard: string): string {
  const head = store.publishedOf(shard)
  if (head !== undefined) return head.note
  throw new HttpError(HttpErrorCode.notFound, 'there is no such shard: `/v1/log` lists them')
}
