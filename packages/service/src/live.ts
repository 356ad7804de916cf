import { randomBytes } from 'node:crypto'
import type { ServiceName } from '@verdict/contract'
import { formatConfigError } from './config.ts'
import { ConfigError, ServiceError, ServiceErrorCode } from './errors.ts'
import { createHealth } from './health.ts'
import { ExitCode, Life } from './life.ts'
import { explainListenError } from './listen-error.ts'
import { createLog, type Logger } from './log.ts'
import { createMetrics } from './metrics.ts'
import { ProcessFailure } from './processes/process-failure.ts'
import type { SupervisorLink } from './processes/supervisor-link.ts'
import type { RunningService, ServiceDefinition } from './service-definition.ts'
import type { CommonSettings, ConfigOf, Settings } from './settings.ts'
import { onStopOrder, onStopRequest } from './stop-request.ts'
import { VERSION } from './version.ts'

/**
 * Once the service has stopped, the process ends by itself when nothing is open any more. It may
 * take this long; then what is still open is named, and the process is ended.
 */
export const LINGER_MS = 2_000

export interface LiveOptions<Config> {
  readonly config: Config
  /** To the supervisor, where this is one of several processes. */
  readonly link?: SupervisorLink
  readonly stopTimeoutMs: number
}

/** The life of one process, from its start to its exit code. Resolves when it has stopped. */
export async function live<S extends Settings & CommonSettings>(
  definition: Pick<ServiceDefinition<S>, 'name' | 'settings' | 'start'>,
  { config, link, stopTimeoutMs }: LiveOptions<ConfigOf<S>>,
): Promise<void> {
  const { name, settings } = definition
  const { logLevel }: ConfigOf<CommonSettings> = config
  const instance = `${name}-${randomBytes(4).toString('hex')}`
  const whole = createLog({ service: name, instance, level: logLevel })
  const log = link === undefined ? whole : whole.child({ process: link.place.index })
  const life = new Life(log)
  const health = createHealth()
  health.check('lifecycle', () => ({ ok: life.phase === 'running', detail: life.phase }))
  watchFaults(life)
  const listen = link === undefined ? onStopRequest : onStopOrder
  const requests = listen((why) => life.requestStop(why))

  log.info({ event: 'service_starting', version: VERSION, pid: process.pid }, 'starting')
  const metrics = createMetrics(name, link?.metrics)
  const { stopping } = life
  const worker = link?.place ?? { index: 1, count: 1 }
  const fail = (error: unknown): void => life.fail(error)
  const starting = Promise.try(() =>
    definition.start({ config, instance, worker, log, metrics, health, stopping, fail }),
  )
  await life.started(starting, (thrown) =>
    failStart(name, life, explainListenError(thrown, settings, config)),
  )
  if (life.phase === 'running') link?.started()
  await life.stopRequested
  const settled = await stopWithin(stopTimeoutMs, life, starting)
  requests.release()
  endWithin(settled ? LINGER_MS : 0, log)
  await link?.leave()
}

function watchFaults(life: Life): void {
  process.on('uncaughtException', (error) => life.fail(error))
  process.on('unhandledRejection', (error) => life.fail(error))
}

/** Settings that only the start can judge, such as the content of a file, may be at fault too. */
function failStart(name: ServiceName, life: Life, thrown: unknown): void {
  life.fail(thrown)
  if (thrown instanceof ProcessFailure) process.exitCode = thrown.exitCode
  if (!(thrown instanceof ConfigError)) return
  process.stderr.write(formatConfigError(name, thrown))
  process.exitCode = ExitCode.configuration
}

/** Stops what was started. False when that did not come to an end in time. */
async function stopWithin(
  timeoutMs: number,
  life: Life,
  starting: Promise<RunningService>,
): Promise<boolean> {
  let hung = 'start'
  const stopped = (async () => {
    const service = await starting.catch(() => undefined)
    hung = 'stop'
    await service?.stop()
    return true
  })()
  const deadline = Promise.withResolvers<false>()
  const timer = setTimeout(() => deadline.resolve(false), timeoutMs)
  try {
    if (await Promise.race([stopped, deadline.promise])) {
      life.log.info({ event: 'service_stopped' }, 'stopped')
      return true
    }
    const what = `\`${hung}\` did not end within ${timeoutMs} ms (VERDICT_STOP_TIMEOUT)`
    life.fail(new ServiceError(ServiceErrorCode.stopTimedOut, what))
    return false
  } catch (thrown) {
    life.fail(thrown)
    return true
  } finally {
    clearTimeout(timer)
  }
}

/** Ends the process if it does not end by itself. */
function endWithin(lingerMs: number, log: Logger): void {
  const timer = setTimeout(() => {
    const held = process.getActiveResourcesInfo().join(', ')
    log.fatal({ event: 'stop_incomplete', held }, `ended with open resources: ${held}`)
    // The only place where this is unavoidable: a socket or timer that somebody left open keeps
    // the process alive for ever, and its supervisor waits for it.
    process.exit(ExitCode.fault)
  }, lingerMs)
  timer.unref()
}
