import type { NoteBody } from '../log/note.ts'

/** Holds at once: one more is refused, for each of them is said again in every shard. */
export const HOLDS_MAX = 1_000
export const HOLD_REASON_CHARS_MAX = 1_000
export const HOLD_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
/** As long as a text of a record may be. */
export const HOLD_TEXT_CHARS_MAX = 3 * 1024

/** Which records are meant; all parts that are given have to match. */
export interface HoldScope {
  /** RFC 3339, included. */
  readonly from?: string
  /** RFC 3339, not included. */
  readonly to?: string
  /** As it is on record. */
  readonly principal?: string
  /** In the place of a principal whose name is nowhere in the log. */
  readonly pseudonyms?: readonly string[]
  /** Of the destination. */
  readonly service?: string
}

/** What must not be pruned, for as long as it is not released. */
export interface Hold extends HoldScope {
  readonly name: string
  readonly reason: string
  /** RFC 3339. */
  readonly at: string
  /** The decision that let somebody place it, whose record says who. */
  readonly decision?: string
  /** Where the request came from. */
  readonly address?: string
}

/** Who changes something, as far as the service knows it. */
export interface Actor {
  readonly decision?: string
  readonly address?: string
}

export function readHold(body: NoteBody): Hold {
  return body as unknown as Hold
}
