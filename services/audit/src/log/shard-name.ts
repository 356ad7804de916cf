/**
 * The shard whose origin is that of the log itself: of a log that was begun without shards. It is
 * the first of the row and has no month.
 */
export const FIRST_SHARD = 'first'

const NAME = /^(\d{4}-\d{2})(?:-([1-9]\d{0,8}))?$/
const MONTH_CHARS = 7

/** When a shard is closed and the next one begun. */
export interface ShardPlan {
  /** With each month of the audit's clock, UTC. */
  readonly monthly: boolean
  /** When a shard has this many leaves. */
  readonly leavesMax?: number | undefined
}

export function isShardName(name: string): boolean {
  return NAME.test(name)
}

/** The month of a time in ms, UTC: `2026-11`. */
export function monthOf(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, MONTH_CHARS)
}

/** Whether it is time for another shard than this one. */
export function isShardDue(
  current: { readonly name: string; readonly size: number },
  plan: ShardPlan,
  nowMs: number,
): boolean {
  if (current.size === 0) return false
  if (plan.leavesMax !== undefined && current.size >= plan.leavesMax) return true
  return plan.monthly && monthOf(nowMs) > (NAME.exec(current.name)?.[1] ?? '')
}

/**
 * The name of the shard after one: the month it begins in, and a number where the month has several
 * (`2026-11`, `2026-11-2`). A clock that was set back does not lead back: the month stays.
 */
export function nextShardName(current: string, nowMs: number): string {
  const [, month = '', number = '1'] = NAME.exec(current) ?? []
  const now = monthOf(nowMs)
  return now > month ? now : `${month}-${Number(number) + 1}`
}

/** The origin of a shard of a log. */
export function shardOrigin(origin: string, name: string): string {
  return name === FIRST_SHARD ? origin : `${origin}/${name}`
}

/** Where the files of a shard are served, and below the data directory. */
export function shardPath(name: string): string {
  return name === FIRST_SHARD ? '/log/' : `/log/${name}/`
}
