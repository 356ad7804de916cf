import { chainHash, genesisHash, type JournalLine } from '@verdict/contract'

/** A decision as it is in the log. */
export interface LoggedDecision {
  readonly id: string
  /** The id of the request, which a caller chose. */
  readonly request: string | undefined
  readonly outcome: string
}

interface Placed {
  readonly id: string
  readonly instance: string
  readonly epoch: number
  readonly n: number
  readonly outcome?: string
  readonly durationUs?: number
  readonly request?: { readonly id?: string }
}

/** One journal of one decision point, as far as the log has it without a gap. */
interface Chain {
  next: number
  hash: string
  /** What came before its turn. */
  readonly waiting: Map<number, { readonly hash: string; readonly json: string }>
}

/** A decision that took longer than this was measured by a clock that was set. */
const DURATION_US_MAX = 60_000_000

/** The lines of a log, put back into the journals that they came from. */
export class Journals {
  /** By the id of the decision. */
  readonly decisions = new Map<string, LoggedDecision>()
  /** Places and ids that the log has twice. */
  readonly duplicated: string[] = []
  /** What no sound log has, besides: lines that do not follow, impossible durations. */
  readonly broken: string[] = []
  readonly #chains = new Map<string, Chain>()

  take({ hash, json, record }: JournalLine): void {
    const { id, instance, epoch, n, outcome, durationUs, request } = record as unknown as Placed
    const name = `${instance} ${epoch}`
    const chain = this.#chains.get(name) ?? newChain(instance, epoch)
    this.#chains.set(name, chain)
    if (n < chain.next || chain.waiting.has(n)) this.duplicated.push(`place ${name} ${n}`)
    else chain.waiting.set(n, { hash, json })
    this.#follow(name, chain)
    // An event of the decision point is in the chain, and no decision.
    if (outcome === undefined) return
    if (this.decisions.has(id)) this.duplicated.push(`decision ${id}`)
    this.decisions.set(id, { id, request: request?.id, outcome })
    if (durationUs !== undefined && (durationUs < 0 || durationUs > DURATION_US_MAX)) {
      this.broken.push(`decision ${id} took ${durationUs} µs`)
    }
  }

  /** How many places are missing before one that is there. */
  get missing(): number {
    let missing = 0
    for (const { next, waiting } of this.#chains.values()) {
      if (waiting.size > 0) missing += Math.max(...waiting.keys()) - next + 1 - waiting.size
    }
    return missing
  }

  #follow(name: string, chain: Chain): void {
    for (;;) {
      const line = chain.waiting.get(chain.next)
      if (line === undefined) return
      if (chainHash(chain.hash, line.json) !== line.hash) {
        this.broken.push(`line ${name} ${chain.next} does not follow from the one before it`)
      }
      chain.waiting.delete(chain.next)
      chain.hash = line.hash
      chain.next++
    }
  }
}

function newChain(instance: string, epoch: number): Chain {
  return { next: 1, hash: genesisHash(instance, epoch), waiting: new Map() }
}
