import { messageOf, type VerdictError } from '@verdict/contract'
import { Counter, Gauge, type Logger, type Registry } from '@verdict/service'
import type { ActiveBundle } from '../bundles/active-bundles.ts'
import type { DataChange } from '../bundles/policy-data.ts'
import type { Refusal } from '../bundles/refusal.ts'
import type { Activated } from '../journal-events.ts'

/** Refused data is logged at most this often; the metric counts every change. */
const DATA_LOG_INTERVAL_MS = 5_000

/** What is told of bundles, and of data that comes beside them. */
export class BundleEvents {
  readonly #log: Logger
  readonly #onActivated: Activated | undefined
  readonly #serial: Gauge<'bundle'>
  readonly #activated: Gauge<'bundle'>
  readonly #contact: Gauge<'bundle'>
  readonly #activations: Counter<'bundle'>
  readonly #refused: Counter<'bundle' | 'code'>
  readonly #data: Counter<'result'>
  #dataLoggedMs = Number.NEGATIVE_INFINITY

  constructor(log: Logger, registry: Registry, activated?: Activated) {
    this.#log = log
    this.#onActivated = activated
    const registers = [registry]
    const labelNames = ['bundle'] as const
    // Of several processes, the one that is behind is told.
    const behind = { labelNames, registers, aggregator: 'min' } as const
    this.#serial = new Gauge({
      ...behind,
      name: 'verdict_bundle_serial',
      help: 'The serial of the bundle that is active.',
    })
    this.#activated = new Gauge({
      ...behind,
      name: 'verdict_bundle_activated_timestamp_seconds',
      help: 'When the bundle that is active became so.',
    })
    this.#contact = new Gauge({
      ...behind,
      name: 'verdict_bundle_contact_timestamp_seconds',
      help: 'When the source of the bundle answered last.',
    })
    this.#activations = new Counter({
      name: 'verdict_bundle_activations_total',
      help: 'Bundles that became active.',
      labelNames,
      registers,
    })
    this.#refused = new Counter({
      name: 'verdict_bundle_refused_total',
      help: 'Bundles that were offered and refused, or that their source did not give.',
      labelNames: ['bundle', 'code'],
      registers,
    })
    this.#data = new Counter({
      name: 'verdict_policy_data_changes_total',
      help: 'Changes of data beside the bundles: applied, refused, or outside of all roots.',
      labelNames: ['result'],
      registers,
    })
  }

  bundleActive(active: ActiveBundle, pointer: string | undefined): void {
    const { bundle, revision, serial, digest, policy } = active
    this.#record(active, pointer)
    this.#serial.set({ bundle }, serial)
    this.#activated.set({ bundle }, Date.now() / 1_000)
    this.#activations.inc({ bundle })
    const facts = { bundle, revision, serial, digest, entrypoints: policy.entrypoints }
    this.#log.info({ event: 'bundle_active', ...facts }, 'a bundle is active')
  }

  bundleApproved(active: ActiveBundle, pointer: string): void {
    const { bundle, revision, serial, digest } = active
    this.#record(active, pointer)
    const facts = { bundle, revision, serial, digest }
    this.#log.info({ event: 'bundle_approved', ...facts }, 'the active bundle is approved anew')
  }

  bundleRefused(bundle: string, { code, message }: Refusal): void {
    this.#refused.inc({ bundle, code })
    const why = `what came for \`${bundle}\` is not active, what was active stays: ${message}`
    this.#log.error({ event: 'bundle_refused', bundle, code }, why)
  }

  bundleContact(bundle: string): void {
    this.#contact.set({ bundle }, Date.now() / 1_000)
  }

  dataApplied(_change: DataChange): void {
    this.#data.inc({ result: 'applied' })
  }

  dataRefused({ path, revision }: DataChange, { code, message }: VerdictError): void {
    this.#data.inc({ result: 'refused' })
    this.#logData({ event: 'data_refused', code, revision }, `\`${path.join('/')}\`: ${message}`)
  }

  dataUnowned(paths: number): void {
    this.#data.inc({ result: 'unowned' }, paths)
    const message = 'data outside of the roots of all bundles changes no decision'
    this.#logData({ event: 'data_unowned', code: 'data_unowned', paths }, message)
  }

  busFollowFailed(error: unknown): void {
    const message = `bundles and data of the bus can't be followed, trying on: ${messageOf(error)}`
    this.#log.warn({ event: 'bus_follow_failed', err: error }, message)
  }

  #record({ bundle, revision, serial, digest }: ActiveBundle, pointer: string | undefined): void {
    const approved = pointer === undefined ? undefined : { pointer }
    this.#onActivated?.({ bundle, digest, revision, serial, ...approved })
  }

  #logData(facts: object, message: string): void {
    const nowMs = performance.now()
    if (nowMs - this.#dataLoggedMs < DATA_LOG_INTERVAL_MS) return
    this.#dataLoggedMs = nowMs
    this.#log.error(facts, message)
  }
}
