import { hash } from 'node:crypto'
import type { SignedBundle, VerificationKeys } from '@verdict/policy'
import { BundlesError, BundlesErrorCode } from '../errors.ts'
import type { ActiveBundle, ActiveBundles } from './active-bundles.ts'
import type { BundleState, BundleStore } from './bundle-store.ts'
import {
  type Judge,
  judgeOffer,
  judgePointer,
  noteOf,
  type Offer,
  type SignedPointer,
} from './offer.ts'
import { compiled, ownEntrypoints, type PreparationOptions, prepare } from './preparation.ts'
import { isDepending, isPassing, type Refusal, refusalOf } from './refusal.ts'
import { Turns } from './turns.ts'

export interface FollowerEvents {
  /** With the pointer that approved it, as a JWS, where there is one. */
  bundleActive(bundle: ActiveBundle, pointer: string | undefined): void
  /** A newer pointer approves the bundle that is in force. */
  bundleApproved(bundle: ActiveBundle, pointer: string): void
  bundleRefused(name: string, refusal: Refusal): void
  bundleContact(name: string): void
}

export interface FollowerOptions {
  readonly name: string
  readonly keys: VerificationKeys
  readonly store: BundleStore
  readonly active: ActiveBundles
  readonly preparation: PreparationOptions
  /** The last steps of all activations: what is active does not change between them. */
  readonly activations: Turns
  readonly events: FollowerEvents
  /** Another bundle may have waited for this. */
  readonly onActive: () => void
}

/**
 * Brings one bundle into force: verifies what is offered under its name, loads it, keeps it on
 * disk, and only then puts it in the place of the one that was active. What is refused changes
 * nothing.
 */
export class BundleFollower {
  readonly name: string
  readonly #options: FollowerOptions
  #state: BundleState | undefined
  #refused: (Refusal & { readonly content: string }) | undefined
  #unreached: Refusal | undefined
  #depending: { readonly content: string; readonly work: () => Promise<void> } | undefined
  readonly #turns = new Turns()

  constructor(options: FollowerOptions) {
    this.name = options.name
    this.#options = options
  }

  get active(): ActiveBundle | undefined {
    return this.#options.active.get(this.name)
  }

  /** Why what came last is not in force, or why nothing comes. */
  get refused(): Refusal | undefined {
    return this.#refused ?? this.#unreached
  }

  /** What the server calls the archive that is active. */
  get etag(): string | undefined {
    return this.active?.digest === this.#state?.digest ? this.#state?.etag : undefined
  }

  /**
   * Starts with what was in force last, verified again.
   * @throws {BundlesError} `bundle_state_damaged`, `bundle_store_failed`
   */
  async start(): Promise<void> {
    this.#state = await this.#options.store.state()
    const digest = this.#state?.digest ?? ''
    await this.#judged(digest, () => this.#restore()).catch((error) => this.unreached(error))
  }

  /** An archive of a bundle server. Rejects with what may pass. */
  async offer(offer: Offer): Promise<void> {
    await this.#judged(hash('sha256', offer.archive), () => this.#adopt(offer))
    this.reached()
  }

  /** A pointer of the bus, and how to get its archive. Rejects with what may pass. */
  async point(
    text: string,
    fetch: (pointer: SignedPointer['pointer']) => Promise<Uint8Array>,
  ): Promise<void> {
    await this.#judged(text, async () => {
      const signed = await judgePointer(text, this.#judge)
      const { digest } = signed.pointer
      if (this.active?.digest === digest && this.#state?.pointer === text) return
      const kept = await this.#options.store.archive(digest)
      const isWhole = kept !== undefined && hash('sha256', kept) === digest
      await this.#adopt({ archive: isWhole ? kept : await fetch(signed.pointer), signed })
    })
    this.reached()
  }

  /** The source answers, whatever it says. */
  reached(): void {
    this.#unreached = undefined
    this.#options.events.bundleContact(this.name)
  }

  /** The source does not give what it should. Told once for each reason. */
  unreached(error: unknown): void {
    const refusal = refusalOf(error)
    const isNew = refusal.message !== this.#unreached?.message && !this.#tells(refusal)
    this.#unreached = refusal
    if (isNew) this.#options.events.bundleRefused(this.name, refusal)
  }

  /** Tries again what was refused for the sake of other bundles, or of settings. */
  async retry(): Promise<void> {
    const depending = this.#depending
    if (depending === undefined) return
    const { content, work } = depending
    await this.#judged(content, work, () => this.#depending === depending)
  }

  /** Loads the active bundle anew, such as for data that is another. */
  async renew(): Promise<void> {
    if (this.active === undefined) return
    await this.#judged(this.active.digest, () => this.#restore())
  }

  /**
   * Has the rules that settings and routes name by now, where it is compiled for them here.
   * @throws {VerdictError} where it can't have them
   */
  async provide(): Promise<void> {
    const { active } = this
    if (active?.compiledHere === true) {
      const own = new Set(ownEntrypoints(active.roots, this.#options.preparation))
      if (own.isSubsetOf(new Set(active.policy.entrypoints))) return
      await this.#turns.take(() => this.#restore())
    } else await this.retry()
  }

  get #judge(): Judge {
    return { name: this.name, keys: this.#options.keys, known: this.#state }
  }

  /** What is refused is told once for each content, and what may pass is thrown as well. */
  async #judged(content: string, work: () => Promise<void>, isStill = () => true): Promise<void> {
    await this.#turns.take(async () => {
      if (!isStill()) return
      try {
        await work()
        this.#refused = undefined
        this.#depending = undefined
      } catch (error) {
        const refusal = refusalOf(error)
        if (refusal.code === BundlesErrorCode.bundleUnreachable) throw error
        const isNew = this.#refused?.content !== content || this.#refused.code !== refusal.code
        this.#refused = { ...refusal, content }
        this.#depending = isDepending(refusal) ? { content, work } : undefined
        if (isNew) this.#options.events.bundleRefused(this.name, refusal)
        if (isPassing(refusal)) throw error
      }
    })
  }

  #tells({ code, message }: Refusal): boolean {
    return this.#refused?.code === code && this.#refused.message === message
  }

  async #restore(): Promise<void> {
    const state = this.#state
    if (state === undefined) return
    const archive = await this.#options.store.archive(state.digest)
    if (archive === undefined) {
      const why = `the last good archive of \`${this.name}\` is not on disk any more`
      throw new BundlesError(BundlesErrorCode.bundleStateDamaged, why)
    }
    const judge = { ...this.#judge, known: undefined }
    const signed =
      state.pointer === undefined ? undefined : await judgePointer(state.pointer, judge)
    const bundle = await judgeOffer({ archive, ...(signed && { signed }) }, judge)
    await this.#activate(bundle, async () => true)
  }

  async #adopt(offer: Offer): Promise<void> {
    const { store, events } = this.#options
    const bundle = await judgeOffer(offer, this.#judge)
    const keep = async (): Promise<boolean> => {
      const kept = await store.keep(offer.archive, noteOf(offer, bundle))
      this.#state = kept ?? this.#state
      return kept !== undefined
    }
    const { active } = this
    if (active?.digest !== bundle.digest) return await this.#activate(bundle, keep)
    const before = this.#state?.pointer
    await keep()
    const pointer = this.#state?.pointer
    if (pointer !== undefined && pointer !== before) events.bundleApproved(active, pointer)
  }

  /** Where `keep` says that a newer one is in force, that one is about to come here as well. */
  async #activate(signed: SignedBundle, keep: () => Promise<boolean>): Promise<void> {
    const { name } = this
    const { active, activations, preparation, events, onActive } = this.#options
    const bundle = await compiled(name, signed, preparation)
    active.refuseConflict({ ...bundle, name })
    const { uncompiled } = signed
    const prepared = await prepare(name, bundle, preparation, uncompiled !== undefined)
    using unused = new DisposableStack()
    unused.use(prepared.data)
    await activations.take(async () => {
      active.refuseConflict({ ...bundle, name })
      if (!(await keep())) return
      const inputs = active.get(name)?.policy.lastInputs
      if (inputs !== undefined) prepared.policy.warmUp(inputs)
      active.swap(prepared)
      unused.move()
      events.bundleActive(prepared, this.#state?.pointer)
      onActive()
    })
  }
}
