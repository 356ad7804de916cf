import { randomBytes } from 'node:crypto'
import type { ServiceName } from '@verdict/contract'
import type { Registry } from 'prom-client'
import { formatConfigError, readProcessConfig } from './config.ts'
import { ConfigError, ServiceError, ServiceErrorCode } from './errors.ts'
import { createHealth, type Health } from './health.ts'
import { helpText } from './help.ts'
import { ExitCode, Life } from './life.ts'
import { explainListenError } from './listen-error.ts'
import { createLog, type Logger } from './log.ts'
import { createMetrics } from './metrics.ts'
import type { CommonSettings, ConfigOf, Settings } from './settings.ts'
import { onStopRequest } from './stop-request.ts'
import { VERSION } from './version.ts'

/** What `start` gets. */
export interface ServiceContext<Config> {
  readonly config: Config
  /** `<service>-<8 hex>`, new for each process. */
  readonly instance: string
  readonly log: Logger
  readonly metrics: Registry
  readonly health: Health
  /** Aborted when the service is to stop: whatever waits for more work ends, `stop` comes next. */
  readonly stopping: AbortSignal
  /** Says that the service can't go on: it stops in order, and the process ends with an error. */
  fail(error: unknown): void
}

export interface RunningService {
  /** Finishes what was begun, in order, and lets go of everything; nothing is lost. */
  stop(): Promise<void>
}

export interface ServiceDefinition<S extends Settings & CommonSettings> {
  readonly name: ServiceName
  /** What the service does, in a few words, for `--help`. */
  readonly summary: string
  readonly settings: S
  /**
   * Resolves when the service works. When it rejects, it has let go of what it had taken.
   * @throws {ConfigError} where the content of a setting, such as of a file, can't be used
   */
  start(context: ServiceContext<ConfigOf<S>>): Promise<RunningService>
}

/**
 * Once the service has stopped, the process ends by itself when nothing is open any more. It may
 * take this long; then what is still open is named, and the process is ended.
 */
const LINGER_MS = 2_000

/**
 * The life of a service process, from its arguments to its exit code. Resolves when the service
 * has stopped.
 */
export async function run<S extends Settings & CommonSettings>(
  definition: ServiceDefinition<S>,
): Promise<void> {
  if (answerArguments(definition, process.argv.slice(2))) return
  const config = configOf(definition)
  if (config === undefined) return
  await live(definition, config)
}

/** Whether the arguments were all there was to do. */
function answerArguments(
  definition: ServiceDefinition<Settings & CommonSettings>,
  args: readonly string[],
): boolean {
  const [first] = args
  if (first === undefined) return false
  if (first === '--help') process.stdout.write(helpText(definition))
  else if (first === '--version') process.stdout.write(`verdict ${definition.name} ${VERSION}\n`)
  else {
    const known = 'only --help and --version are; settings are environment variables'
    process.stderr.write(`verdict ${definition.name}: \`${first}\` is no option, ${known}\n`)
    process.exitCode = ExitCode.configuration
  }
  return true
}

function configOf<S extends Settings & CommonSettings>({
  name,
  settings,
}: ServiceDefinition<S>): ConfigOf<S> | undefined {
  try {
    return readProcessConfig(settings, name)
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown
    process.stderr.write(formatConfigError(name, thrown))
    process.exitCode = ExitCode.configuration
    return undefined
  }
}

async function live<S extends Settings & CommonSettings>(
  definition: ServiceDefinition<S>,
  config: ConfigOf<S>,
): Promise<void> {
  const { name, settings } = definition
  const { logLevel, stopTimeoutMs }: ConfigOf<CommonSettings> = config
  const instance = `${name}-${randomBytes(4).toString('hex')}`
  const log = createLog({ service: name, instance, level: logLevel })
  const life = new Life(log)
  const health = createHealth()
  health.check('lifecycle', () => ({ ok: life.phase === 'running', detail: life.phase }))
  watchFaults(life)
  const requests = onStopRequest((why) => life.requestStop(why))

  log.info({ event: 'service_starting', version: VERSION, pid: process.pid }, 'starting')
  const metrics = createMetrics(name)
  const { stopping } = life
  const fail = (error: unknown): void => life.fail(error)
  const starting = Promise.try(() =>
    definition.start({ config, instance, log, metrics, health, stopping, fail }),
  )
  await life.started(starting, (thrown) =>
    failStart(name, life, explainListenError(thrown, settings, config)),
  )
  await life.stopRequested
  const settled = await stopWithin(stopTimeoutMs, life, starting)
  requests.release()
  endWithin(settled ? LINGER_MS : 0, log)
}

function watchFaults(life: Life): void {
  process.on('uncaughtException', (error) => life.fail(error))
  process.on('unhandledRejection', (error) => life.fail(error))
}

/** Settings that only the start can judge, such as the content of a file, may be at fault too. */
function failStart(name: ServiceName, life: Life, thrown: unknown): void {
  life.fail(thrown)
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
