import type { Logger, Registry } from '@verdict/service'
import { KeyEvents } from './key-events.ts'
import { subjectKeysIn } from './key-lines.ts'
import { KeyStore } from './key-store.ts'

/** How often it is looked for private keys that are new, or whose time is over. */
const LOOK_MS = 600_000

/** The key store of a service that runs: takes in what arrives, and destroys what is over. */
export class ServedKeys implements Disposable {
  readonly store: KeyStore
  readonly #events: KeyEvents
  readonly #timer: NodeJS.Timeout

  /** @throws {AuditError} `store_failed` @throws {ContractError} `malformed_personal_keys` */
  constructor(dir: string, { log, metrics }: { log: Logger; metrics: Registry }) {
    this.store = new KeyStore(dir)
    this.#events = new KeyEvents(log, metrics)
    this.#events.watch(this.store, metrics)
    this.#look()
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
    this.#timer.unref()
  }

  /**
   * Takes in the keys of a message. When it returns they are durable, and the message may be
   * acknowledged as far as they are concerned.
   * @throws {AuditError} `store_failed`
   */
  take(message: { readonly data: Uint8Array }): void {
    const keys = subjectKeysIn(message.data)
    if (keys.length > 0) this.#events.taken(this.store.take(keys))
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.store[Symbol.dispose]()
  }

  #look(): void {
    try {
      this.store.openAgain()
      const count = this.store.destroyRetired(Date.now())
      if (count > 0) this.#events.retired(count)
    } catch (error) {
      this.#events.retireFailed(error)
    }
  }
}
