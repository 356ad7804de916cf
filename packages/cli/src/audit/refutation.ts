import { LogContradiction, VerdictError } from '@verdict/contract'
import { TlogError } from '@verdict/tlog'
import { printable } from '../terminal.ts'

/** Where a log was found to contradict itself, its key, or what was known of it. */
export class LogRefuted extends VerdictError {
  override readonly name = 'LogRefuted'
  readonly shard: string
  readonly leaves: { readonly from: number; readonly to: number } | undefined

  constructor(
    { code, message }: { readonly code: string; readonly message: string },
    shard: string,
    leaves?: { readonly from: number; readonly to: number },
  ) {
    super(code, message)
    this.shard = shard
    this.leaves = leaves
  }
}

/** A shard whose leaves count on from those before it. */
export interface NumberedShard {
  readonly origin: string
  /** The number of its first leaf in the whole log. */
  readonly base: number
}

/** What was thrown, with its place; faults that say nothing about the log are left as they are. */
export function refutationOf(
  error: unknown,
  shard: NumberedShard,
  before: readonly NumberedShard[],
): unknown {
  if (error instanceof TlogError) return new LogRefuted(error, shard.origin, error.entries)
  if (!(error instanceof LogContradiction)) return error
  // What nothing has explained may be in a shard before this one.
  const holder = [...before, shard].findLast(({ base }) => base <= error.from) ?? shard
  const { base, origin } = holder
  return new LogRefuted(error, origin, { from: error.from - base, to: error.to - base })
}

/** In one line, the place first. */
export function refutationLine({ leaves, message, shard }: LogRefuted): string {
  if (leaves === undefined) return printable(`${shard}: ${message}`)
  const { from, to } = leaves
  const range = from === to ? `leaf ${from}` : `leaves ${from} to ${to}`
  return printable(`${shard}, ${range}: ${message}`)
}
