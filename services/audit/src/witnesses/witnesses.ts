import { type NoteVerifier, parseVerifierKey, type TrustPolicy } from '@verdict/tlog'
import { AuditError, AuditErrorCode } from '../errors.ts'
import type { SignedHead } from '../log/recovery.ts'
import { Cosigner, WitnessContradiction, type WitnessState } from './cosigner.ts'
import { showDisagreement } from './disagreement.ts'
import { Round } from './round.ts'
import { trustIn, type WitnessPolicy } from './witness-policy.ts'
import { type LogToWitness, recallWitnessed } from './witnessed-checkpoint.ts'

/** What happens between the log and its witnesses. */
export type WitnessEvent =
  | { readonly kind: 'cosigned'; readonly witness: string; readonly size: number }
  | { readonly kind: 'failed'; readonly witness: string; readonly error: AuditError }
  | {
      readonly kind: 'contradiction'
      readonly witness: string
      readonly error: WitnessContradiction
      readonly evidence: Uint8Array
    }
  /** Enough of them have cosigned. */
  | { readonly kind: 'witnessed'; readonly size: number; readonly witnesses: readonly string[] }
  /** It is shown, and not on disk: after a restart an older one is, until they cosign again. */
  | { readonly kind: 'unkept'; readonly error: unknown }

export interface WitnessesOptions {
  readonly log: LogToWitness
  readonly policy: WitnessPolicy
  readonly onEvent: (event: WitnessEvent) => void
  /** Another writer has the log, or it can't be written. */
  readonly onFailed: (error: unknown) => void
}

/** How things stand with all of them. */
export interface WitnessReport {
  /** Entries of the newest witnessed checkpoint, 0 before the first. */
  readonly size: number
  /** When it was witnessed, in ms since 1970; undefined where that was before this process. */
  readonly atMs: number | undefined
  /** For how long there has been something that is not witnessed. */
  readonly waitingMs: number
  readonly witnesses: readonly WitnessState[]
}

/**
 * Has the checkpoints of one log cosigned. All witnesses are asked about the same checkpoint, and
 * the next one waits until enough have cosigned it or all have answered: else witnesses of
 * different speed would never meet. A cosignature that comes late is added to the newest one.
 */
export class Witnesses implements Disposable {
  readonly #options: WitnessesOptions
  readonly #own: NoteVerifier
  readonly #trust: TrustPolicy
  readonly #cosigners: readonly Cosigner[]
  readonly #stopped = new AbortController()
  readonly #busy = new Set<Cosigner>()
  readonly #timers = new Map<Cosigner, NodeJS.Timeout>()
  #round: Round | undefined
  #newest: SignedHead | undefined
  #atMs: number | undefined
  #waitingSince: number | undefined

  private constructor(options: WitnessesOptions, own: NoteVerifier, trust: TrustPolicy) {
    this.#options = options
    this.#own = own
    this.#trust = trust
    const keys = trust.witnesses.map(({ verifier }) => verifier)
    const { signal } = this.#stopped
    this.#cosigners = options.policy.places.map((place) => new Cosigner(place, keys, signal))
  }

  /** @throws {AuditError} `witness_policy_wrong`, `log_older`, `log_damaged` */
  static async open(options: WitnessesOptions): Promise<Witnesses> {
    const own = parseVerifierKey(options.log.verifierKey)
    const trust = trustIn(own, options.policy)
    const witnesses = new Witnesses(options, own, trust)
    witnesses.#newest = await recallWitnessed(options.log, trust)
    return witnesses
  }

  /** The newest checkpoint that has all cosignatures it needs. */
  get newest(): SignedHead | undefined {
    return this.#newest
  }

  report(): WitnessReport {
    const since = this.#waitingSince
    return {
      size: this.#newest?.size ?? 0,
      atMs: this.#atMs,
      waitingMs: since === undefined ? 0 : performance.now() - since,
      witnesses: this.#cosigners.map(({ state }) => state),
    }
  }

  /** The log may have a new checkpoint. */
  offer(): void {
    if (this.#stopped.signal.aborted || !this.#isBehind()) return
    this.#waitingSince ??= performance.now()
    if (this.#round === undefined || this.#isOver(this.#round)) this.#begin()
  }

  [Symbol.dispose](): void {
    this.#stopped.abort()
    for (const timer of this.#timers.values()) clearTimeout(timer)
  }

  /** Nothing is to be witnessed of an empty log. */
  #isBehind(): boolean {
    return (this.#newest?.size ?? 0) < this.#options.log.published.size
  }

  /** Nobody who could still answer is needed, or there is nobody left. */
  #isOver(round: Round): boolean {
    return round.isWitnessed || this.#busy.size === 0
  }

  #begin(): void {
    const { log } = this.#options
    this.#round = new Round(log.published, log.verified(), this.#trust)
    this.#settle(this.#round)
    for (const cosigner of this.#cosigners) this.#ask(cosigner)
  }

  /** Asks about the checkpoint of this round, now or when the witness has been left alone. */
  #ask(cosigner: Cosigner): void {
    const round = this.#round
    if (round === undefined || this.#stopped.signal.aborted || this.#busy.has(cosigner)) return
    if (this.#timers.has(cosigner)) return
    if (cosigner.waitMs > 0) {
      const again = setTimeout(() => {
        this.#timers.delete(cosigner)
        if (!this.#goOn()) this.#ask(cosigner)
      }, cosigner.waitMs)
      this.#timers.set(cosigner, again)
      return
    }
    this.#busy.add(cosigner)
    void this.#cosign(cosigner, round).catch((error) => this.#options.onFailed(error))
  }

  async #cosign(cosigner: Cosigner, round: Round): Promise<void> {
    const { onEvent } = this.#options
    const witness = cosigner.place.name
    let again = false
    try {
      const signatures = await cosigner.cosign(await round.toWitness())
      if (this.#stopped.signal.aborted) return
      onEvent({ kind: 'cosigned', witness, size: round.head.size })
      if (round.take(signatures)) this.#settle(round)
    } catch (error) {
      if (this.#stopped.signal.aborted) return
      if (!(error instanceof AuditError) || error.code === AuditErrorCode.lockLost) throw error
      again = true
      if (error instanceof WitnessContradiction) await this.#contradicted(cosigner, round, error)
      else onEvent({ kind: 'failed', witness, error })
    } finally {
      this.#busy.delete(cosigner)
    }
    const goesOn = this.#goOn()
    if (!goesOn && (again || this.#round !== round)) this.#ask(cosigner)
  }

  /** Begins with a newer checkpoint, where the one before is done with. */
  #goOn(): boolean {
    const round = this.#round
    if (round === undefined || !this.#isOver(round)) return false
    if (this.#options.log.published.size === round.head.size) return false
    this.#begin()
    return true
  }

  async #contradicted(
    cosigner: Cosigner,
    round: Round,
    error: WitnessContradiction,
  ): Promise<void> {
    // One that was taken for dead is behind for that reason alone.
    this.#options.log.verifyHeld()
    const { place } = cosigner
    const { signal } = this.#stopped
    const head = await round.toWitness()
    const evidence = await showDisagreement(place, this.#own, head, error, signal)
    if (signal.aborted) return
    this.#options.onEvent({ kind: 'contradiction', witness: place.name, error, evidence })
  }

  /** Shows a checkpoint that enough have cosigned, and again with each further cosignature. */
  #settle(round: Round): void {
    const { head, isWitnessed, note, witnesses } = round
    const { onEvent } = this.#options
    const known = this.#newest?.size ?? -1
    if (!isWitnessed || head.size < known) return
    this.#keep(note)
    this.#newest = { ...head, note }
    if (head.size === known) return
    this.#atMs = Date.now()
    this.#waitingSince = this.#isBehind() ? performance.now() : undefined
    onEvent({ kind: 'witnessed', size: head.size, witnesses })
  }

  #keep(note: string): void {
    const { log, onEvent } = this.#options
    try {
      log.keepWitnessed(note)
    } catch (error) {
      if (error instanceof AuditError) throw error
      onEvent({ kind: 'unkept', error })
    }
  }
}
