import { TlogError, TlogErrorCode } from './errors.ts'

const DECIMAL = /^(?:0|[1-9]\d{0,15})$/

/**
 * A number of entries, or the index of one: a whole number that a JavaScript number holds
 * exactly. A log with 20,000 entries a second gets there in 14,000 years.
 * @throws {TlogError} `size_invalid`
 */
export function checkSize(size: number, what: string): void {
  if (Number.isSafeInteger(size) && size >= 0) return
  throw new TlogError(TlogErrorCode.sizeInvalid, `${what} \`${size}\` is no size of a tree`)
}

/** @throws {TlogError} `size_invalid` */
export function checkIndex(index: number, size: number): void {
  checkSize(index, 'the index')
  checkSize(size, 'the size')
  if (index < size) return
  throw new TlogError(
    TlogErrorCode.sizeInvalid,
    `there is no entry ${index} in a tree of ${size} entries`,
  )
}

/** A size as texts of logs write it, without leading zeros; `undefined` for anything else. */
export function parseSize(text: string): number | undefined {
  const size = DECIMAL.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(size) ? size : undefined
}
