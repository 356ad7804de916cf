import { TlogError, TlogErrorCode } from './errors.ts'
import { checkIndex, checkSize } from './tree-size.ts'

/** Entries from `start` up to, and without, `end`; as a subtree of RFC 6962: D[start:end]. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** The complete subtrees that a range is made of, from left to right and from large to small. */
export function completeParts({ start, end }: Range): Range[] {
  const parts: Range[] = []
  for (let at = start; at < end; ) {
    let width = 1
    while (at % (2 * width) === 0 && at + 2 * width <= end) width *= 2
    parts.push({ start: at, end: at + width })
    at += width
  }
  return parts
}

/**
 * The subtrees whose hashes prove that an entry is in a tree, from the entry's sibling upwards
 * (PATH of RFC 6962, section 2.1.1).
 * @throws {TlogError} `size_invalid`
 */
export function inclusionRanges(index: number, size: number): Range[] {
  checkIndex(index, size)
  const siblings: Range[] = []
  let start = 0
  let end = size
  while (end - start > 1) {
    const middle = start + largestPowerBelow(end - start)
    if (index < middle) {
      siblings.push({ start: middle, end })
      end = middle
    } else {
      siblings.push({ start, end: middle })
      start = middle
    }
  }
  return siblings.reverse()
}

/**
 * The subtrees whose hashes prove that the tree of `older` entries became the tree of `newer`
 * ones by appending (PROOF of RFC 6962, section 2.1.2). From and to nothing, nothing is proven.
 * @throws {TlogError} `size_invalid`
 */
export function consistencyRanges(older: number, newer: number): Range[] {
  checkSize(older, 'the older size')
  checkSize(newer, 'the newer size')
  if (older < 1 || older > newer) {
    throw new TlogError(
      TlogErrorCode.sizeInvalid,
      `there is no proof of consistency from ${older} to ${newer} entries`,
    )
  }
  const ranges: Range[] = []
  let start = 0
  let end = newer
  while (older < end) {
    const middle = start + largestPowerBelow(end - start)
    if (older <= middle) {
      ranges.push({ start: middle, end })
      end = middle
    } else {
      ranges.push({ start, end: middle })
      start = middle
    }
  }
  // The older root itself is known to whoever verifies, where it is a subtree of the newer tree.
  if (start > 0) ranges.push({ start, end })
  return ranges.reverse()
}

/** Where RFC 6962 splits a tree of `size` (> 1) entries. */
function largestPowerBelow(size: number): number {
  let power = 1
  while (power * 2 < size) power *= 2
  return power
}
