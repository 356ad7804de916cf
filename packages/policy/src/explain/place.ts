import type { Statement } from '../plan/plan.ts'

/** Where something is in the sources: rows and columns from 1, the end not included. */
export interface Place {
  /** The number of the file. */
  readonly file: number
  readonly row: number
  readonly col: number
  readonly endRow: number
  readonly endCol: number
}

/** Where a statement comes from; undefined where the planner made it up. */
export function placeOf({ stmt }: Statement): Place | undefined {
  const { file, row, col, end_row, end_col } = stmt as Readonly<Record<string, number | undefined>>
  if (file === undefined || !row || !col) return undefined
  return { file, row, col, endRow: end_row || row, endCol: end_col || col }
}

/** Whether the first is all of the second, or more. */
export function contains(outer: Place, inner: Place): boolean {
  if (outer.file !== inner.file) return false
  const begins = outer.row - inner.row || outer.col - inner.col
  const ends = outer.endRow - inner.endRow || outer.endCol - inner.endCol
  return begins <= 0 && ends >= 0
}

/** In the order of the text. */
export function byPosition(a: Place, b: Place): number {
  return a.row - b.row || a.col - b.col
}
