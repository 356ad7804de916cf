import { type ContradictionErrorCode, LogContradiction } from './errors.ts'

/** What is wrong with a journal is told at most this many leaves behind the one that shows it. */
export const EXPLANATION_LEAVES_MAX = 8_192
/** More at once that nothing explains yet is a contradiction by itself. */
const CLAIMS_MAX = 4_096

/** Something is wrong at a leaf, unless the log itself says so in a finding. */
export interface Claim {
  readonly code: ContradictionErrorCode
  readonly message: string
  /** The findings that say so. */
  readonly kinds: readonly string[]
  readonly instance: string
  readonly epoch: number
  /** The places that it is about; where there are none, any finding about the journal says it. */
  readonly from?: number
  readonly to?: number
  readonly leaf: number
}

/** What a finding says. */
export interface Explanation {
  readonly kind: string
  readonly instance?: string
  readonly epoch?: number
  readonly from?: number
  readonly to?: number
}

/** What waits for the finding that says it, which comes right before it or soon after. */
export class Claims {
  #open: Claim[] = []
  #said: { readonly explanation: Explanation; readonly leaf: number }[] = []

  /** @throws {LogContradiction} where too much is wrong at once */
  add(claim: Claim): void {
    if (this.#said.some(({ explanation }) => explains(explanation, claim))) return
    this.#open.push(claim)
    if (this.#open.length > CLAIMS_MAX) this.#refuse()
  }

  /** A finding explains what is open, and what comes soon. */
  explain(explanation: Explanation, leaf: number): void {
    this.#open = this.#open.filter((claim) => !explains(explanation, claim))
    this.#said.push({ explanation, leaf })
    if (this.#said.length > CLAIMS_MAX) this.#said.shift()
  }

  /** @throws {LogContradiction} for what nothing has explained in time */
  reached(leaf: number): void {
    const [oldest] = this.#open
    if (oldest !== undefined && leaf - oldest.leaf > EXPLANATION_LEAVES_MAX) this.#refuse()
    const [first] = this.#said
    if (first !== undefined && leaf - first.leaf > EXPLANATION_LEAVES_MAX) this.#said.shift()
  }

  /** @throws {LogContradiction} for what nothing has explained */
  end(): void {
    if (this.#open.length > 0) this.#refuse()
  }

  #refuse(): never {
    const [claim] = this.#open
    if (claim === undefined) throw new RangeError('nothing is open')
    throw new LogContradiction(claim.code, claim.message, { from: claim.leaf, to: claim.leaf })
  }
}

/** A finding without places is about all of its journal, or all of its instance. */
function explains(said: Explanation, claim: Claim): boolean {
  return (
    claim.kinds.includes(said.kind) &&
    said.instance === claim.instance &&
    (said.epoch === undefined || said.epoch === claim.epoch) &&
    (said.from ?? 0) <= (claim.from ?? Number.MAX_SAFE_INTEGER) &&
    (said.to ?? Number.MAX_SAFE_INTEGER) >= (claim.to ?? 0)
  )
}
