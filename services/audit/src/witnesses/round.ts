import {
  addSignatures,
  isQuorum,
  type TiledTree,
  type TrustPolicy,
  type VerifiedSignature,
} from '@verdict/tlog'
import type { SignedHead } from '../log/recovery.ts'
import type { HeadToWitness } from './cosigner.ts'

/** A checkpoint on its way to the witnesses, and what has come back. */
export class Round {
  readonly head: SignedHead
  readonly #tree: Promise<TiledTree>
  readonly #trust: TrustPolicy
  readonly #signatures: VerifiedSignature[] = []

  constructor(head: SignedHead, tree: Promise<TiledTree>, trust: TrustPolicy) {
    this.head = head
    this.#tree = tree
    this.#trust = trust
    // Whoever is asked first is told; where nobody is, nobody misses it.
    tree.catch(() => {})
  }

  async toWitness(): Promise<HeadToWitness> {
    return { head: this.head, tree: await this.#tree }
  }

  /** Takes cosignatures, one of each key; false where none is new. */
  take(signatures: readonly VerifiedSignature[]): boolean {
    const known = new Set(this.#signatures.map(({ verifier }) => verifier))
    const added = signatures.filter(({ verifier }) => !known.has(verifier))
    this.#signatures.push(...added)
    return added.length > 0
  }

  /** The witnesses that have signed, by their names in the policy. */
  get witnesses(): string[] {
    const signed = new Set(this.#signatures.map(({ verifier }) => verifier))
    return this.#trust.witnesses.flatMap((each) => (signed.has(each.verifier) ? each.name : []))
  }

  get isWitnessed(): boolean {
    return isQuorum(this.#trust.quorum, new Set(this.witnesses))
  }

  /** The checkpoint with all cosignatures that have come. */
  get note(): string {
    return addSignatures(this.head.note, this.#signatures)
  }
}
