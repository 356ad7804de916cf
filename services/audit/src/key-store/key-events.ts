import { Counter, Gauge, type Logger, type Registry } from '@verdict/service'
import type { KeyStore, TakenKeys } from './key-store.ts'

const RESULTS = ['taken', 'erased', 'unopened', 'refused'] as const

/** What the key store reports of itself. */
export class KeyEvents {
  readonly #log: Logger
  readonly #taken: Counter<'result'>

  constructor(log: Logger, registry: Registry) {
    this.#log = log
    this.#taken = new Counter({
      name: 'verdict_audit_subject_keys_total',
      help: 'Keys of subjects that arrived, by what came of them.',
      labelNames: ['result'],
      registers: [registry],
    })
    for (const result of RESULTS) this.#taken.inc({ result }, 0)
  }

  watch(keys: Pick<KeyStore, 'unopened'>, registry: Registry): void {
    new Gauge({
      name: 'verdict_audit_subject_keys_unopened',
      help: 'Keys of subjects that no key of the key store opens: their fields can not be read.',
      registers: [registry],
      collect() {
        this.set(keys.unopened)
      },
    })
  }

  taken(keys: TakenKeys): void {
    for (const result of RESULTS) this.#taken.inc({ result }, keys[result])
    if (keys.unopened + keys.refused === 0) return
    const { unopened, refused } = keys
    const message = 'keys of subjects were sealed to no key of the key store, or are not keys'
    this.#log.error({ event: 'subject_keys_unopened', unopened, refused }, message)
  }

  /** Private keys were destroyed: what was sealed to them can't be opened any more. */
  retired(count: number): void {
    const message = 'private keys that seal no more are destroyed'
    this.#log.info({ event: 'sealing_keys_destroyed', count }, message)
  }

  retireFailed(error: unknown): void {
    const message = 'a private key that seals no more is not destroyed: see to the key store'
    this.#log.error({ event: 'sealing_keys_kept', err: error }, message)
  }
}
