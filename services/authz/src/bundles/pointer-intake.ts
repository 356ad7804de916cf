import { setTimeout as delay } from 'node:timers/promises'
import { BusError, BusErrorCode, readBundle } from '@verdict/bus'
import { messageOf } from '@verdict/contract'
import type { BundlePointer } from '@verdict/policy'
import type { Connection } from '../bus-link.ts'
import { BundlesError, BundlesErrorCode } from '../errors.ts'
import type { BundleFollower } from './bundle-follower.ts'

/** An archive that takes longer is asked for again. */
const READ_TIMEOUT_MS = 60_000
/** After a failure; each further one doubles it. */
const RETRY_MS = 250
const RETRY_MS_MAX = 30_000

export interface PointerIntakeOptions {
  readonly connection: Connection
  readonly follower: BundleFollower
  /** A larger archive is refused. */
  readonly sizeMax: number
  readonly signal: AbortSignal
}

/**
 * Takes the pointers of one name to its follower, one after the other. Of those that come while
 * one is at work only the last counts; what may pass is tried again until a newer one comes.
 */
export class PointerIntake {
  readonly #options: PointerIntakeOptions
  #next: string | undefined
  #wake = new AbortController()
  #running: Promise<void> | undefined

  constructor(options: PointerIntakeOptions) {
    this.#options = options
  }

  /** What is in force now; undefined where there is nothing under the name any more. */
  take(text: string | undefined): void {
    const { follower } = this.#options
    this.#next = text
    this.#wake.abort()
    if (text === undefined) {
      const why = `there is no pointer \`${follower.name}\` any more: what is active stays`
      follower.unreached(new BundlesError(BundlesErrorCode.bundleWithdrawn, why))
    } else this.#running ??= this.#run().finally(() => (this.#running = undefined))
  }

  /** Settles when nothing is at work. */
  async done(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    const { follower, signal } = this.#options
    let failures = 0
    while (this.#next !== undefined && !signal.aborted) {
      const text = this.#next
      this.#wake = new AbortController()
      try {
        await follower.point(text, (pointer) => this.#fetch(pointer))
        failures = 0
        if (this.#next === text) this.#next = undefined
      } catch (error) {
        if (signal.aborted) return
        follower.unreached(error)
        const waitMs = Math.min(RETRY_MS * 2 ** Math.min(failures++, 30), RETRY_MS_MAX)
        const until = AbortSignal.any([signal, this.#wake.signal])
        await delay(waitMs, undefined, { signal: until, ref: false }).catch(() => undefined)
      }
    }
  }

  async #fetch({ digest, size }: BundlePointer): Promise<Uint8Array> {
    const { connection, sizeMax: bytesMax } = this.#options
    if (size > bytesMax) throw tooLarge(size, bytesMax)
    try {
      return await readBundle(connection, digest, { timeoutMs: READ_TIMEOUT_MS, bytesMax })
    } catch (cause) {
      if (cause instanceof BusError && cause.code === BusErrorCode.tooLarge) {
        throw tooLarge(size, bytesMax)
      }
      const why = `the archive of the bundle can't be read from the bus: ${messageOf(cause)}`
      throw new BundlesError(BundlesErrorCode.bundleUnreachable, why, { cause })
    }
  }
}

function tooLarge(size: number, bytesMax: number): BundlesError {
  const why = `the bundle has ${size} bytes, more than ${bytesMax}: raise its \`sizeMax\``
  return new BundlesError(BundlesErrorCode.bundleTooLarge, why)
}
