import type { JournalPosition } from '@verdict/contract'
import type { JournalError } from './errors.ts'

/** A record that waits to be durable. */
export interface Waiter {
  readonly position: JournalPosition
  readonly resolve: (position: JournalPosition) => void
  readonly reject: (error: JournalError) => void
}

/** Lines that become durable together. */
export interface Group {
  text: string
  bytes: number
  /** The chain hash of the last line. */
  lastHash: string
  readonly waiters: Waiter[]
}

export interface GroupCommitOptions {
  /** Resolves when the lines are durable. It is called for one group at a time. */
  readonly commit: (group: Group) => Promise<void>
  /** What all waiters get when a commit failed. */
  readonly failure: (thrown: unknown) => JournalError
  /** Told once, when they have got it. */
  readonly onFailure: (failure: JournalError) => void
}

/**
 * Commits what waits in one go, while the next group gathers. After a failure nothing more is
 * committed: a sync that failed once may succeed the next time without the data being there.
 */
export class GroupCommit {
  /** Of all lines that are not durable yet. */
  pendingBytes = 0
  /** How many groups and lines became durable. */
  groups = 0
  lines = 0
  readonly #options: GroupCommitOptions
  #gathering: Group = newGroup()
  #inFlight: Group | undefined
  #running: Promise<void> | undefined

  constructor(options: GroupCommitOptions) {
    this.#options = options
  }

  get waiting(): number {
    return this.#gathering.waiters.length + (this.#inFlight?.waiters.length ?? 0)
  }

  add(line: string, bytes: number, hash: string, waiter: Waiter): void {
    const group = this.#gathering
    group.text += line
    group.bytes += bytes
    group.lastHash = hash
    group.waiters.push(waiter)
    this.pendingBytes += bytes
    this.#running ??= this.#run()
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    try {
      // All requests of one turn of the event loop are in one group, and so are all that follow
      // at once from the answers to the group before.
      await turn()
      while (this.#gathering.waiters.length > 0) {
        const group = this.#gathering
        this.#gathering = newGroup()
        this.#inFlight = group
        await this.#options.commit(group)
        this.#inFlight = undefined
        this.#settle(group)
        await turn()
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#running = undefined
    }
  }

  #settle(group: Group): void {
    this.pendingBytes -= group.bytes
    this.groups += 1
    this.lines += group.waiters.length
    for (const waiter of group.waiters) waiter.resolve(waiter.position)
  }

  #fail(thrown: unknown): void {
    const failure = this.#options.failure(thrown)
    const failed = [...(this.#inFlight?.waiters ?? []), ...this.#gathering.waiters]
    this.#inFlight = undefined
    this.#gathering = newGroup()
    this.pendingBytes = 0
    for (const waiter of failed) waiter.reject(failure)
    this.#options.onFailure(failure)
  }
}

function newGroup(): Group {
  return { text: '', bytes: 0, lastHash: '', waiters: [] }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
