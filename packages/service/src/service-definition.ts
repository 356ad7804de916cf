import type { ServiceName } from '@verdict/contract'
import type { Registry } from 'prom-client'
import type { Health } from './health.ts'
import type { Logger } from './log.ts'
import type { WorkerPlace } from './processes/supervisor-link.ts'
import type { CommonSettings, ConfigOf, Settings } from './settings.ts'

/** What `start` gets. */
export interface ServiceContext<Config> {
  readonly config: Config
  /** `<service>-<8 hex>`, new for each process. */
  readonly instance: string
  /** Which process of the service this is. */
  readonly worker: WorkerPlace
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
  /** How many processes share its ports, of which each one calls `start`. Default: one. */
  processes?(config: ConfigOf<S>): number
  /**
   * What is done once before the first process starts, and not when one is replaced.
   * @throws {ConfigError} where the content of a setting can't be used
   */
  prepare?(config: ConfigOf<S>): Promise<void>
  /**
   * Resolves when the service works. When it rejects, it has let go of what it had taken.
   * @throws {ConfigError} where the content of a setting, such as of a file, can't be used
   */
  start(context: ServiceContext<ConfigOf<S>>): Promise<RunningService>
}
