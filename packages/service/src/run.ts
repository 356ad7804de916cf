import assert from 'node:assert/strict'
import cluster from 'node:cluster'
import { formatConfigError, readProcessConfig } from './config.ts'
import { ConfigError } from './errors.ts'
import { helpText } from './help.ts'
import { ExitCode } from './life.ts'
import { LINGER_MS, live } from './live.ts'
import { Supervisor } from './processes/supervisor.ts'
import { SupervisorLink } from './processes/supervisor-link.ts'
import { PLACE_VARIABLE } from './processes/worker-process.ts'
import type { RunningService, ServiceContext, ServiceDefinition } from './service-definition.ts'
import type { CommonSettings, ConfigOf, Settings } from './settings.ts'
import { VERSION } from './version.ts'

/** What ending by force may take, between a process and its supervisor. */
const SUPERVISOR_SLACK_MS = 1_000

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
  await (cluster.isWorker ? work(definition, config) : lead(definition, config))
}

/** The process that was started: it is the service, or starts the processes that are. */
async function lead<S extends Settings & CommonSettings>(
  definition: ServiceDefinition<S>,
  config: ConfigOf<S>,
): Promise<void> {
  const { prepare, processes } = definition
  const { stopTimeoutMs }: ConfigOf<CommonSettings> = config
  const count = processes?.(config) ?? 1
  // The supervisor waits for processes that wait themselves, and end with a fault after that.
  const patienceMs = count === 1 ? 0 : LINGER_MS + SUPERVISOR_SLACK_MS
  const start = async (context: ServiceContext<ConfigOf<S>>): Promise<RunningService> => {
    await prepare?.(config)
    if (count === 1) return await definition.start(context)
    const killAfterMs = stopTimeoutMs + patienceMs - SUPERVISOR_SLACK_MS / 2
    return await Supervisor.start({ ...context, count, stopTimeoutMs: killAfterMs })
  }
  await live({ ...definition, start }, { config, stopTimeoutMs: stopTimeoutMs + patienceMs })
}

/** One of several processes of a service. */
async function work<S extends Settings & CommonSettings>(
  definition: ServiceDefinition<S>,
  config: ConfigOf<S>,
): Promise<void> {
  const { stopTimeoutMs }: ConfigOf<CommonSettings> = config
  const [index, count] = (process.env[PLACE_VARIABLE] ?? '').split('/').map(Number)
  delete process.env[PLACE_VARIABLE]
  assert(index !== undefined && count !== undefined, 'a worker is started by a supervisor')
  const link = new SupervisorLink({ index, count })
  await live(definition, { config, link, stopTimeoutMs })
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
