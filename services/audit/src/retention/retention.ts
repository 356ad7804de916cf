import type { DatabaseSync } from 'node:sqlite'
import { inTransaction } from '../database.ts'
import { AuditError, AuditErrorCode } from '../errors.ts'
import type { LogIndex } from '../index/log-index.ts'
import type { NoteBody, NoteKind } from '../log/note.ts'
import type { ShardFacts } from '../log/shard-facts.ts'
import type { Shards } from '../log/shards.ts'
import { type Actor, HOLDS_MAX, type Hold, readHold } from './hold.ts'
import { type DecisionRange, ShardContents } from './shard-contents.ts'

export interface RetentionParts {
  readonly db: DatabaseSync
  readonly log: Shards
  readonly index: LogIndex
  readonly now: () => number
  /** Writes a note into the open shard; durable when it returns. */
  readonly note: (kind: NoteKind, body: NoteBody) => void
  /** Changes the shard where it is time. */
  readonly turn: () => void
  /** What a principal is called in records that don't name it; none where they do. */
  readonly pseudonymsOf: (principal: string) => readonly string[]
  /** Whether the last checkpoint of a closed shard has the cosignatures that it needs. */
  readonly isWitnessed: (shard: ShardFacts) => boolean
}

/** A shard whose entries are gone. */
export interface PrunedShard {
  readonly shard: string
  readonly leaves: number
  readonly decisions: number
}

/** Which entries of the log have to stay, and for how long. */
export class Retention {
  readonly #parts: RetentionParts
  readonly #contents: ShardContents

  constructor(parts: RetentionParts) {
    this.#parts = parts
    this.#contents = new ShardContents(parts.db)
  }

  /** The holds that are in force, the oldest first. */
  holds(): Hold[] {
    return this.#parts.index.notes.of('hold').map(({ body }) => readHold(body))
  }

  /**
   * Puts a hold on the record; it is in force when this returns.
   * @throws {AuditError} `hold_refused`, or as the log does
   */
  hold(hold: Omit<Hold, 'at' | 'decision' | 'address'>, actor: Actor): Hold {
    const holds = this.holds()
    if (holds.some(({ name }) => name === hold.name)) {
      throw refused(`there is a hold \`${hold.name}\`: release it, or give this one another name`)
    }
    if (holds.length >= HOLDS_MAX) throw refused(`there are ${HOLDS_MAX} holds: release one first`)
    const { principal, ...rest } = hold
    const pseudonyms = principal === undefined ? [] : this.#parts.pseudonymsOf(principal)
    // Who can be erased must not be named here: nothing is ever taken out of the log.
    const who = pseudonyms.length > 0 ? { pseudonyms } : principal !== undefined && { principal }
    const placed = { ...rest, ...who, ...actor, at: this.#time() }
    this.#parts.note('hold', placed)
    return placed
  }

  /** Releases a hold, on the record; false where there is none of the name. */
  release(name: string, { reason, actor }: { reason?: string; actor: Actor }): boolean {
    if (!this.holds().some((hold) => hold.name === name)) return false
    this.#parts.note('release', { name, reason, ...actor, at: this.#time() })
    return true
  }

  /**
   * Removes the entries of closed shards whose newest record is older than a period. Each of them
   * is on the record before anything of it goes.
   * @throws {AuditError} as the log does
   */
  async prune(periodMs: number): Promise<PrunedShard[]> {
    this.#parts.turn()
    const done: PrunedShard[] = []
    for (;;) {
      // Asked again each time: a hold may have come meanwhile.
      const shard = this.#parts.log.list().find((found) => this.#isOver(found, periodMs))
      if (shard === undefined) return done
      done.push(await this.#prune(shard))
    }
  }

  /** Goes on with what was on the record as pruned when the process ended. */
  async resume(): Promise<void> {
    for (const shard of this.#parts.log.list()) {
      const pruned = this.#prunedNote(shard.name)
      if (pruned === undefined) this.#requireEntries(shard)
      else await this.#remove(shard, { from: Number(pruned['first']), to: Number(pruned['last']) })
    }
  }

  /** Whether decisions of a time were pruned. */
  hasPruned(timeMs: number): boolean {
    return this.#parts.index.notes.of('pruned').some(({ body: { since, until } }) => {
      return timeMs >= Date.parse(String(since)) && timeMs <= Date.parse(String(until))
    })
  }

  async #prune(shard: ShardFacts): Promise<PrunedShard> {
    const range = this.#rangeOf(shard)
    const times = this.#contents.times(range)
    const { name, origin, root, size: leaves } = shard
    this.#parts.note('pruned', {
      ...{ shard: name, origin, leaves, root: Buffer.from(root).toString('base64') },
      ...{ first: range.from, last: range.to, reason: 'retention', at: this.#time() },
      ...(times && { since: isoOf(times.oldest), until: isoOf(times.newest) }),
    })
    await this.#remove(shard, range)
    return { shard: name, leaves, decisions: range.to - range.from + 1 }
  }

  async #remove({ first, name, size }: ShardFacts, range: DecisionRange): Promise<void> {
    const { db, index, log } = this.#parts
    log.prune(name)
    if (this.#contents.isEmpty(range)) return
    const leaves = { from: first, to: first + size }
    inTransaction(db, () => {
      index.findings.forget(leaves)
      index.notes.forget(leaves)
    })
    await this.#contents.forget(range)
  }

  #isOver(shard: ShardFacts, periodMs: number): boolean {
    if (shard.state !== 'closed' || !this.#parts.isWitnessed(shard)) return false
    const range = this.#rangeOf(shard)
    const times = this.#contents.times(range)
    const newest = times?.newest ?? this.#closedAt(shard)
    if (newest >= this.#parts.now() - periodMs) return false
    return !this.holds().some((hold) => this.#holdsBack(hold, range, times))
  }

  /** Whether a record that is meant by a hold may be in a shard. */
  #holdsBack(
    hold: Hold,
    range: DecisionRange,
    times: { oldest: number; newest: number } | undefined,
  ): boolean {
    const { from, principal, pseudonyms, service, to } = hold
    const isOfAll = principal === undefined && pseudonyms === undefined && service === undefined
    if (times === undefined) return isOfAll
    if (from !== undefined && times.newest < Date.parse(from)) return false
    if (to !== undefined && times.oldest >= Date.parse(to)) return false
    if (isOfAll) return true
    return this.#contents.mentions(hold, range)
  }

  #closedAt({ name }: ShardFacts): number {
    const notes = this.#parts.index.notes.of('closed')
    const at = notes.find(({ body }) => body['name'] === name)?.body['at']
    return at === undefined ? Number.POSITIVE_INFINITY : Date.parse(String(at))
  }

  /** The decisions of a shard: from those before it to those before the next one. */
  #rangeOf({ name }: ShardFacts): DecisionRange {
    const names = this.#parts.log.list().map((shard) => shard.name)
    const next = names[names.indexOf(name) + 1] ?? ''
    return { from: this.#decisionsBefore(name) + 1, to: this.#decisionsBefore(next) }
  }

  #decisionsBefore(name: string): number {
    const notes = this.#parts.index.notes.of('shard')
    const decisions = notes.find(({ body }) => body['name'] === name)?.body['decisions']
    if (decisions !== undefined) return Number(decisions)
    const first = this.#prunedNote(name)?.['first']
    return first === undefined ? 0 : Number(first) - 1
  }

  #prunedNote(name: string): NoteBody | undefined {
    const notes = this.#parts.index.notes.of('pruned')
    return notes.find(({ body }) => body['shard'] === name)?.body
  }

  /** Entries go only after the log says so. */
  #requireEntries({ name, size, state }: ShardFacts): void {
    if (state !== 'pruned' || size === 0) return
    throw new AuditError(
      AuditErrorCode.logDamaged,
      `the entries of shard \`${name}\` are missing, and the log does not say that they were ` +
        'pruned: restore them from a copy',
    )
  }

  #time(): string {
    return isoOf(this.#parts.now())
  }
}

function isoOf(timeMs: number): string {
  return new Date(timeMs).toISOString()
}

function refused(message: string): AuditError {
  return new AuditError(AuditErrorCode.holdRefused, message)
}
