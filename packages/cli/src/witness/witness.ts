import {
  type Contradiction,
  contradictionOfProof,
  formatCosignatures,
  formatKnownSize,
  formatNote,
  judgeCheckpoint,
  type NoteVerifier,
  openNote,
  parseAddCheckpoint,
  parseCheckpoint,
  parseNote,
  SIZE_MEDIA_TYPE,
  signatureBy,
  TlogError,
  TlogErrorCode,
  verifyContradiction,
  type WitnessVerdict,
} from '@verdict/tlog'
import type { WitnessEvents } from './events.ts'
import type { EvidenceFiles } from './evidence-files.ts'
import type { WitnessState } from './witness-state.ts'
import { baseOfShard, keysOfLog, SHARDS_PER_LOG_MAX, type WitnessedLogs } from './witnessed-logs.ts'

/** What a request to cosign is answered. */
export type WitnessAnswer =
  | { readonly status: 200 | 409; readonly type: string; readonly body: string }
  | { readonly status: 400 | 403 | 404 | 422; readonly reason: TlogError }

export interface WitnessOptions {
  readonly logs: WitnessedLogs
  readonly state: WitnessState
  readonly evidence: EvidenceFiles
  readonly events: WitnessEvents
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

type Refusal = Exclude<WitnessVerdict, { status: 200 }>

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Cosigns each tree of a log that begins with the one before, and no other. */
export class Witness {
  readonly #options: WitnessOptions
  readonly #now: () => number

  constructor(options: WitnessOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /**
   * Nothing in here waits: no other request comes between what is known of a log and what is
   * stored of it.
   * @throws {CliError} `witness_state_failed`: nothing may be cosigned any more
   */
  addCheckpoint(body: Uint8Array): WitnessAnswer {
    const { events, state } = this.#options
    const text = decode(body)
    if (text === undefined) return this.#answer({ status: 400, reason: NOT_UTF8 })
    const verdict = judgeCheckpoint(text, (origin) => {
      const keys = this.#keysOf(origin)
      const latest = state.latest(origin)?.note
      if (keys.length === 0 || (latest === undefined && this.#isFull(origin))) return undefined
      return { keys, ...(latest !== undefined && { latest }) }
    })
    if (verdict.status === 200) return this.#answer(this.#cosign(verdict))
    this.#convict(text, verdict)
    if (verdict.status === 422) events.refused(originOf(text), verdict.reason)
    return this.#answer(
      verdict.status === 409
        ? { status: 409, type: SIZE_MEDIA_TYPE, body: formatKnownSize(verdict.size) }
        : verdict,
    )
  }

  #answer(answer: WitnessAnswer): WitnessAnswer {
    this.#options.events.answered(answer.status)
    return answer
  }

  #cosign({ checkpoint, latest }: Extract<WitnessVerdict, { status: 200 }>): WitnessAnswer {
    const { events, state } = this.#options
    const { origin } = checkpoint
    const { text, verified } = openNote(latest, this.#keysOf(origin))
    const seconds = Math.floor(this.#now() / 1000)
    const cosignatures = state.keys.signers.map((signer) => signatureBy(signer, text, seconds))
    // Without signatures of others: it stays small, and all of it is verified.
    const note = formatNote({ text, signatures: [...verified, ...cosignatures] })
    state.replace(state.latest(origin), { checkpoint, note })
    events.cosigned(checkpoint, seconds)
    return {
      status: 200,
      type: 'text/plain; charset=utf-8',
      body: formatCosignatures(cosignatures),
    }
  }

  /** Keeps what proves that the log has contradicted itself, where the refused request does. */
  #convict(body: string, { status }: Refusal): void {
    // What no known log has signed accuses nobody.
    if (status === 403 || status === 404) return
    const contradiction = this.#contradictionIn(body)
    if (contradiction === undefined) return
    const { events, evidence } = this.#options
    events.forked(originOf(body), evidence.keep(contradiction), evidence.count())
  }

  #contradictionIn(body: string): Contradiction | undefined {
    try {
      const { checkpoint, oldSize, proof } = parseAddCheckpoint(body)
      const latest = this.#options.state.latest(originOf(body))
      if (latest === undefined) return undefined
      const keys = this.#keysOf(latest.checkpoint.origin)
      const { text, verified } = openNote(checkpoint, keys)
      const newer = formatNote({ text, signatures: verified })
      // From another size the proof says nothing about the tree that is known.
      const ours = oldSize === latest.checkpoint.size ? proof : []
      const found = contradictionOfProof(latest.note, newer, ours)
      if (found !== undefined) verifyContradiction(found, keys)
      return found
    } catch (error) {
      if (error instanceof TlogError) return undefined
      throw error
    }
  }

  #keysOf(origin: string): readonly NoteVerifier[] {
    return keysOfLog(this.#options.logs, origin)
  }

  /** Whether a log has as many shards as are witnessed of one. */
  #isFull(origin: string): boolean {
    const { logs, state } = this.#options
    const base = baseOfShard(logs, origin)
    if (base === undefined || logs.has(origin)) return false
    const shards = state.all().filter(({ checkpoint }) => checkpoint.origin.startsWith(`${base}/`))
    return shards.length >= SHARDS_PER_LOG_MAX
  }
}

const NOT_UTF8 = new TlogError(TlogErrorCode.witnessRequestMalformed, 'the request is not UTF-8')

function decode(body: Uint8Array): string | undefined {
  try {
    return utf8.decode(body)
  } catch {
    // The only fault that this decoder knows.
    return undefined
  }
}

function originOf(body: string): string {
  return parseCheckpoint(parseNote(parseAddCheckpoint(body).checkpoint).text).origin
}
