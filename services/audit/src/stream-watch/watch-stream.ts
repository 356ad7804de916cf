import { inspectStream, type NatsConnection, watchAdvisories } from '@verdict/bus'
import type { Logger, Registry } from '@verdict/service'
import { isFatal } from '../database.ts'
import { AuditError, AuditErrorCode } from '../errors.ts'
import type { Store } from '../store.ts'
import { AdvisoryLog } from './advisory-log.ts'
import { StreamWatch } from './stream-watch.ts'
import { addStreamGauges, StreamWatchEvents } from './stream-watch-events.ts'

export interface WatchStreamOptions {
  readonly nc: NatsConnection
  readonly store: Pick<Store, 'lastIndex' | 'raise' | 'settle' | 'note'>
  readonly log: Logger
  readonly metrics: Registry
  /** The store can't be written any more. */
  readonly fail: (error: unknown) => void
}

/** The stream while the service runs: what it is, and what the servers say about it. */
export interface WatchedStream extends AsyncDisposable {
  health(): { ok: boolean; detail: string }
}

/**
 * Follows the stream.
 * @throws {AuditError} `stream_weakened` where it is not as declared now: it is on the record
 */
export async function watchStream(options: WatchStreamOptions): Promise<WatchedStream> {
  const { fail, log, metrics, nc, store } = options
  await using resources = new AsyncDisposableStack()
  const events = new StreamWatchEvents(log, metrics)
  const watch = resources.use(
    new StreamWatch({
      inspect: () => inspectStream(nc),
      record: store,
      isExpected: store.lastIndex > 0,
      onWeakened: (detail) => events.weakened(detail),
      onMended: () => events.mended(),
      onFault: (error) => {
        events.fault(error)
        if (isFatal(error)) fail(error)
      },
    }),
  )
  addStreamGauges(metrics, watch)
  const advisories = resources.use(
    new AdvisoryLog({
      write: (advisory) => store.note('advisory', advisory),
      onAdvisory: (told) => events.advisory(told),
    }),
  )
  const heard = watchAdvisories(
    nc,
    (advisory) => {
      advisories.take(advisory)
      void watch.check()
    },
    (error) => events.unheard(error),
  )
  resources.defer(() => heard.stop())
  await watch.check()
  if (watch.weakened !== undefined && !watch.isMissing) {
    throw new AuditError(AuditErrorCode.streamWeakened, watch.weakened)
  }
  const held = resources.move()
  return { health: () => watch.health(), [Symbol.asyncDispose]: () => held.disposeAsync() }
}
