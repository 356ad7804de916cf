import { messageOf } from '@verdict/contract'
import { AuditError, AuditErrorCode } from './errors.ts'
import { appendNote } from './index/append-note.ts'
import { chainNotes } from './index/chain-notes.ts'
import type { LogIndex } from './index/log-index.ts'
import { FIRST_SHARD, isShardDue, nextShardName, type ShardPlan } from './log/shard-name.ts'
import { previousOf } from './log/shard-row.ts'
import type { Shards } from './log/shards.ts'

export interface ShardTurnParts {
  readonly log: Shards
  readonly index: LogIndex
  readonly plan: ShardPlan
  readonly now: () => number
  /** Makes what is appended durable, and has the index follow. */
  readonly commit: (work: () => void) => void
  /** Has all that is durable in a checkpoint. */
  readonly publish: () => void
  /** The log goes on in another shard. */
  readonly onBegun: () => void
}

/**
 * The change from one shard to the next: a last leaf and a last checkpoint, then the next one with
 * leaves that say where everything stands. The last leaf names the next shard, so whatever a crash
 * has left is gone on with from there.
 */
export class ShardTurns {
  readonly #parts: ShardTurnParts
  /** Of the shard that has to be begun; undefined where the open one is not closed. */
  #next: string | undefined

  constructor(parts: ShardTurnParts) {
    this.#parts = parts
  }

  /** Goes on where a crash has ended a change, and begins the first shard of a log. */
  resume(): void {
    const { lastNote: note } = this.#parts.log
    if (note?.kind === 'closed') this.#next = String(note.body['next'])
    this.#finish()
  }

  /**
   * Changes where it is time. When it throws nothing is lost, and the next call goes on.
   * @throws {AuditError} `store_failed`, `log_failed`, `lock_lost`, `index_behind`
   */
  turnWhenDue(): void {
    const { commit, index, log, now, plan } = this.#parts
    this.#finish()
    if (!plan.monthly && plan.leavesMax === undefined) return
    const { current } = log
    const nowMs = now()
    if (!isShardDue(current, plan, nowMs)) return
    const next = nextShardName(current.name, nowMs)
    const body = { name: current.name, next, at: new Date(nowMs).toISOString() }
    commit(() => appendNote({ log, index }, 'closed', body))
    this.#next = next
    this.#finish()
  }

  #finish(): void {
    const { commit, log, onBegun, publish } = this.#parts
    if (this.#next !== undefined) {
      publish()
      this.#begin(this.#next)
      this.#next = undefined
      onBegun()
    }
    const { name, size } = log.current
    if (size > 0 || name === FIRST_SHARD) return
    commit(() => this.#sayWhereAllStands(name))
    publish()
  }

  #begin(name: string): void {
    try {
      this.#parts.log.begin(name)
    } catch (cause) {
      if (cause instanceof AuditError) throw cause
      const message = `shard \`${name}\` can't be begun: ${messageOf(cause)}`
      throw new AuditError(AuditErrorCode.storeFailed, message, { cause })
    }
  }

  /** Whoever begins to read here needs nothing of what was before. */
  #sayWhereAllStands(name: string): void {
    const { index, log } = this.#parts
    const { previous } = log
    const before = previous === undefined ? {} : { previous: previousOf(previous) }
    const chains = chainNotes(index)
    const standing = index.notes.standing()
    appendNote(this.#parts, 'shard', { name, decisions: index.decisions, ...before })
    for (const body of chains) appendNote(this.#parts, 'chains', body)
    for (const { kind, body } of standing) appendNote(this.#parts, kind, body)
  }
}
