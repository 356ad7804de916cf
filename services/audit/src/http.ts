import { createHttp, type FastifyInstance, type ServiceContext } from '@verdict/service'
import type { AuditConfig } from './config.ts'
import type { Events } from './events.ts'
import { addGetDecision } from './routes/get-decision.ts'
import { addGetLog } from './routes/get-log.ts'
import { addGetReceipt } from './routes/get-receipt.ts'
import { addListDecisions } from './routes/list-decisions.ts'
import { addListFindings } from './routes/list-findings.ts'
import { addListInstances } from './routes/list-instances.ts'
import { addReadTiles } from './routes/read-tiles.ts'
import { addStreamDecisions } from './routes/stream-decisions.ts'
import type { Store } from './store.ts'
import type { Feed } from './stream/feed.ts'

/** A reader that has not taken the last answer after this long is cut off. */
const CLOSE_MS_MAX = 1_000

type HttpContext = Pick<ServiceContext<AuditConfig>, 'config' | 'log' | 'metrics' | 'health'>

export interface ServeHttpOptions extends HttpContext {
  readonly store: Store
  readonly feed: Feed
  readonly events: Events
  /** Of streams; default: KEEP_ALIVE_MS. */
  readonly keepAliveMs?: number
  /** Of streams; default: DRAIN_TIMEOUT_MS. */
  readonly drainTimeoutMs?: number
}

/** Serves the log. Disposing of it ends the streams, and waits for the answers under way. */
export async function serveHttp(options: ServeHttpOptions): Promise<AsyncDisposable> {
  const { config, store } = options
  const http = createHttp(options)
  const ended = new AbortController()
  addGetDecision(http, store)
  addGetReceipt(http, store)
  addGetLog(http, store)
  addReadTiles(http, store)
  addListDecisions(http, store)
  addStreamDecisions(http, { ...options, signal: ended.signal })
  addListInstances(http, store)
  addListFindings(http, store)
  await http.listen({ host: config.host, port: config.httpPort })
  return {
    async [Symbol.asyncDispose]() {
      ended.abort()
      await close(http)
    },
  }
}

async function close(http: FastifyInstance): Promise<void> {
  const timer = setTimeout(() => http.server.closeAllConnections(), CLOSE_MS_MAX)
  try {
    await http.close()
  } finally {
    clearTimeout(timer)
  }
}
