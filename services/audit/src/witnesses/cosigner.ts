import { messageOf } from '@verdict/contract'
import {
  formatAddCheckpoint,
  type NoteVerifier,
  openCosignatures,
  parseKnownSize,
  type TiledTree,
  type VerifiedSignature,
} from '@verdict/tlog'
import { AuditError, AuditErrorCode } from '../errors.ts'
import type { SignedHead } from '../log/recovery.ts'
import { askWitness, type WitnessAnswer } from './witness-exchange.ts'
import type { WitnessPlace } from './witness-policy.ts'

/** The first wait after a failure; it doubles with each further one. */
const RETRY_MS_MIN = 500
export const WITNESS_RETRY_MS_MAX = 5_000
/** A witness that names one size after another is asked this often in a row. */
const ASKED_MAX = 3

/** A checkpoint with the tiles of its tree. */
export interface HeadToWitness {
  readonly head: SignedHead
  readonly tree: TiledTree
}

/** The log and a witness can't both be right. */
export class WitnessContradiction extends AuditError {
  /** The size that the witness knows; undefined where it refused the proof from it. */
  readonly knownSize: number | undefined
  readonly answer: WitnessAnswer

  constructor(message: string, answer: WitnessAnswer, knownSize?: number) {
    super(AuditErrorCode.witnessContradiction, message)
    this.answer = answer
    this.knownSize = knownSize
  }
}

/** How things stand with one witness. */
export interface WitnessState {
  readonly name: string
  /** The largest tree that it has cosigned, as far as this process knows. */
  readonly size: number
  /** Why it did not cosign the last time; undefined where it did. */
  readonly failure?: string
  /** Whether that was a contradiction. */
  readonly contradicts: boolean
}

/** Asks one witness, and knows what it has seen. One request at a time. */
export class Cosigner {
  readonly place: WitnessPlace
  readonly #keys: readonly NoteVerifier[]
  readonly #stopped: AbortSignal
  #known = 0
  #failures = 0
  #retryAtMs = 0
  #failure: AuditError | undefined

  constructor(place: WitnessPlace, keys: readonly NoteVerifier[], stopped: AbortSignal) {
    this.place = place
    this.#keys = keys
    this.#stopped = stopped
  }

  get state(): WitnessState {
    const { name } = this.place
    const contradicts = this.#failure instanceof WitnessContradiction
    const told = this.#failure === undefined ? {} : { failure: this.#failure.message }
    return { name, size: this.#known, contradicts, ...told }
  }

  /** How long it is left alone after its failures, in ms. */
  get waitMs(): number {
    return Math.max(0, this.#retryAtMs - performance.now())
  }

  /**
   * Has a checkpoint cosigned.
   * @throws {AuditError} `witness_unreachable`, `witness_refused`; `witness_contradiction`, which
   *   must be looked into
   */
  async cosign(to: HeadToWitness): Promise<readonly VerifiedSignature[]> {
    try {
      const signatures = await this.#ask(to)
      this.#failures = 0
      this.#retryAtMs = 0
      this.#failure = undefined
      return signatures
    } catch (error) {
      this.#failure = asFailure(error)
      const waitMs = RETRY_MS_MIN * 2 ** Math.min(this.#failures++, 10)
      this.#retryAtMs = performance.now() + Math.min(waitMs, WITNESS_RETRY_MS_MAX)
      throw this.#failure
    }
  }

  async #ask({ head, tree }: HeadToWitness): Promise<readonly VerifiedSignature[]> {
    for (let asked = 0; asked < ASKED_MAX; asked++) {
      const oldSize = this.#known
      const grows = oldSize > 0 && oldSize < head.size
      const proof = grows ? await tree.consistencyProof(oldSize, head.size) : []
      const body = formatAddCheckpoint({ oldSize, proof, checkpoint: head.note })
      const answer = await askWitness(this.place, body, this.#stopped)
      if (answer.status === 200) {
        const signatures = openCosignatures(answer.body, head.note, this.#keys)
        this.#known = head.size
        return signatures
      }
      this.#known = this.#sizeFrom(answer, head)
    }
    throw refused(`it names another size each time, now ${this.#known}`)
  }

  /** The size to ask from after an answer that is no cosignature. */
  #sizeFrom(answer: WitnessAnswer, { size }: SignedHead): number {
    const { name } = this.place
    if (answer.status === 422) {
      const what = `witness \`${name}\` refuses the proof from ${this.#known} to ${size} entries`
      throw new WitnessContradiction(`${what}: it knows another history of this log`, answer)
    }
    if (answer.status !== 409) throw refused(`it answers ${answer.status} ${shown(answer.body)}`)
    const known = parseKnownSize(answer.body)
    if (known > size) {
      const what = `witness \`${name}\` has cosigned ${known} entries of this log, which has ${size}`
      const why = 'the log was put back to an older state, or another one has its key'
      throw new WitnessContradiction(`${what}: ${why}`, answer, known)
    }
    if (known === this.#known) throw refused(`it wants to be asked from ${known}, and was`)
    return known
  }
}

function refused(what: string): AuditError {
  return new AuditError(AuditErrorCode.witnessRefused, `the witness did not cosign: ${what}`)
}

function asFailure(error: unknown): AuditError {
  return error instanceof AuditError ? error : refused(messageOf(error))
}

/** What a witness says is shown as a text of one line. */
function shown(body: string): string {
  return JSON.stringify(body.slice(0, 200))
}
