import { createHttp, type FastifyInstance, type ServiceContext } from '@verdict/service'
import type { Authorizer } from './authorization/authorizer.ts'
import { Guard } from './authorization/guard.ts'
import { recordOperations } from './authorization/operation-record.ts'
import type { AuditConfig } from './config.ts'
import type { Erasures } from './erasure/erasure.ts'
import { addPostErasure } from './erasure/post-erasure.ts'
import type { Events } from './events.ts'
import { collectOperations, type RoutedOperation } from './openapi/operation.ts'
import { addGetDecision } from './routes/get-decision.ts'
import { addGetLog } from './routes/get-log.ts'
import { addGetOpenApi } from './routes/get-openapi.ts'
import { addGetReceipt } from './routes/get-receipt.ts'
import { addHolds } from './routes/holds.ts'
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

/** What serves the log. */
export interface ServedHttp extends AsyncDisposable {
  /** Every route, for those who describe them. */
  readonly operations: readonly RoutedOperation[]
}

export interface ServeHttpOptions extends HttpContext {
  readonly store: Store
  readonly feed: Feed
  readonly events: Events
  readonly authorizer: Authorizer
  /** Without it nobody can be erased. */
  readonly erasures?: Erasures
  /** Of streams; default: REAUTHORIZATION_MS. */
  readonly reauthorizationMs?: number
  /** Of streams; default: KEEP_ALIVE_MS. */
  readonly keepAliveMs?: number
  /** Of streams; default: DRAIN_TIMEOUT_MS. */
  readonly drainTimeoutMs?: number
}

/** Serves the log. Disposing of it ends the streams, and waits for the answers under way. */
export async function serveHttp(options: ServeHttpOptions): Promise<ServedHttp> {
  const { config, events, store } = options
  const http = createHttp(options)
  const operations = collectOperations(http)
  const guard = new Guard({ ...options, onAccess: events.authorized })
  guard.addTo(http)
  recordOperations(http, { guard, store })
  const ended = new AbortController()
  addGetDecision(http, store)
  addGetReceipt(http, store)
  addGetLog(http, store)
  addReadTiles(http, store)
  addListDecisions(http, store)
  addStreamDecisions(http, { ...options, guard, signal: ended.signal })
  addListInstances(http, store)
  addListFindings(http, store)
  addHolds(http, { guard, store })
  const { erasures } = options
  const decisionOf = guard.decisionOf.bind(guard)
  if (erasures) addPostErasure(http, { erasures, decisionOf })
  addGetOpenApi(http, operations)
  await http.listen({ host: config.host, port: config.httpPort })
  return {
    operations,
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
