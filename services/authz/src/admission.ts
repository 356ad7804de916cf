import { AuthzError, AuthzErrorCode } from './errors.ts'
import { GONE } from './fault.ts'
import type { Caller } from './request.ts'

/**
 * What may be decided in one turn of the event loop. Between two turns it reads: new requests, and
 * the resets of callers that gave up; and it answers and syncs.
 */
export const SLICE_MS = 5
/**
 * Requests that are turned away in one turn: their answers are written after the slice, and cost
 * more than to choose them.
 */
export const REFUSALS_PER_TURN_MAX = 128
/** How long a request may wait for its turn, in a burst. Envoy waits 200 ms by its default. */
export const AGE_MAX_MS = 100
/** How long it may wait where there is more than a burst: those that are decided, are so fast. */
export const AGE_STANDING_MAX_MS = 10
/** A queue that nobody could empty by deciding for so long is no burst. */
export const STANDING_MS = 100
/**
 * Requests that wait for their turn. The newest is turned away: its caller has waited least, and
 * the others keep their order.
 */
export const QUEUE_MAX = 4_096

// One error each: to turn a request away must cost less than to decide it, and so no stack.
const TOO_OLD = overloaded('more requests come than can be decided')
const TOO_MANY_WAIT = overloaded(`${QUEUE_MAX} requests wait to be decided`)

export interface AdmissionOptions {
  /** Requests that may be under way at the same time: begun, and waiting for authn or the disk. */
  readonly requestsMax: number
  /** Default: `performance.now`. */
  readonly now?: () => number
  /** Runs something in the next turn of the event loop. Default: `setImmediate`. */
  readonly defer?: (run: () => void) => void
}

interface Waiting {
  readonly caller: Caller
  readonly sinceMs: number
  readonly begin: () => void
  readonly refuse: (fault: AuthzError) => void
  next: Waiting | undefined
}

/**
 * Decides which requests are begun, and when. A decision blocks the event loop, so that under
 * overload the queue is what was read and not begun: it is kept here, by age, and held short by
 * controlled delay (CoDel, in the form for servers of "Fail at Scale", ACM Queue 13/8).
 */
export class Admission {
  readonly #requestsMax: number
  readonly #now: () => number
  readonly #defer: (run: () => void) => void
  readonly #tooMany: AuthzError
  #underWay = 0
  #first: Waiting | undefined
  #last: Waiting | undefined
  #waiting = 0
  /** When the queue was empty for the last time, and not because requests were turned away. */
  #emptyMs = 0
  /** Whether the last turn turned requests away for their age. */
  #isShedding: boolean = false
  /** When the last turn ended. */
  #endedMs = 0
  /** When the first request was begun in this turn of the event loop; undefined before it. */
  #turnMs: number | undefined

  constructor({ requestsMax, now, defer }: AdmissionOptions) {
    this.#requestsMax = requestsMax
    this.#now = now ?? (() => performance.now())
    this.#defer = defer ?? setImmediate
    this.#tooMany = overloaded(`${requestsMax} requests are in flight`)
  }

  /** Requests that were begun and are not settled. */
  get underWay(): number {
    return this.#underWay
  }

  /** Requests that wait for their turn. */
  get waiting(): number {
    return this.#waiting
  }

  /**
   * Begins a request in its turn, unless as many are under way as may be.
   * @throws {AuthzError} `overloaded` | `deadline_exceeded`, as a rejection, before it is begun
   */
  async admit<T>(caller: Caller, work: () => Promise<T>): Promise<T> {
    return await this.turn(caller, async () => {
      if (this.#underWay >= this.#requestsMax) throw this.#tooMany
      this.#underWay++
      try {
        return await work()
      } finally {
        this.#underWay--
      }
    })
  }

  /**
   * Does work that blocks: at once where nobody waits and this turn of the event loop has time,
   * else after all that came before it.
   * @throws {AuthzError} `overloaded` | `deadline_exceeded`, where its turn never comes
   */
  turn<T>(caller: Caller, work: () => T | Promise<T>): T | Promise<T> {
    if (caller.gone) throw GONE
    const nowMs = this.#now()
    if (this.#first === undefined && this.#hasTime(nowMs)) return work()
    if (this.#waiting >= QUEUE_MAX) throw TOO_MANY_WAIT
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const begin = (): void => {
      try {
        resolve(work())
      } catch (thrown) {
        reject(thrown)
      }
    }
    this.#append({ caller, sinceMs: nowMs, begin, refuse: reject, next: undefined })
    return promise
  }

  #hasTime(nowMs: number): boolean {
    this.#turnMs ??= this.#beginTurn(nowMs)
    return nowMs - this.#turnMs < SLICE_MS
  }

  #beginTurn(nowMs: number): number {
    this.#defer(this.#run)
    return nowMs
  }

  #append(waiting: Waiting): void {
    if (this.#last === undefined) {
      this.#first = waiting
      if (!this.#isShedding) this.#emptyMs = waiting.sinceMs
    } else {
      this.#last.next = waiting
    }
    this.#last = waiting
    this.#waiting++
  }

  /** One turn: what is too late or too old is turned away, the rest is begun, for a slice. */
  readonly #run = (): void => {
    const beganMs = this.#now()
    let nowMs = beganMs
    let refusals = 0
    let isShedding = false
    while (nowMs - beganMs < SLICE_MS && refusals < REFUSALS_PER_TURN_MAX) {
      const waiting = this.#take()
      if (waiting === undefined) break
      const fault = this.#faultOf(waiting, nowMs)
      if (fault === undefined) {
        waiting.begin()
      } else {
        refusals++
        isShedding ||= fault === TOO_OLD
        waiting.refuse(fault)
      }
      nowMs = this.#now()
    }
    this.#isShedding = isShedding
    this.#endedMs = nowMs
    this.#turnMs = this.#first === undefined ? undefined : this.#beginTurn(nowMs)
  }

  #take(): Waiting | undefined {
    const waiting = this.#first
    if (waiting === undefined) return undefined
    this.#first = waiting.next
    if (this.#first === undefined) this.#last = undefined
    this.#waiting--
    return waiting
  }

  #faultOf({ caller, sinceMs }: Waiting, nowMs: number): AuthzError | undefined {
    if (caller.gone) return GONE
    // It came since the last turn: that this one is late, is not its age. Some are always begun.
    if (sinceMs >= this.#endedMs) return undefined
    const isStanding = nowMs - this.#emptyMs > STANDING_MS
    return nowMs - sinceMs > (isStanding ? AGE_STANDING_MAX_MS : AGE_MAX_MS) ? TOO_OLD : undefined
  }
}

function overloaded(why: string): AuthzError {
  const message = `${why}: ask again later, or another copy`
  return new AuthzError(AuthzErrorCode.overloaded, message)
}
