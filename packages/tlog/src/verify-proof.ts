import { TlogError, TlogErrorCode } from './errors.ts'
import { checkHash, EMPTY_ROOT, equalBytes, nodeHash } from './hash.ts'
import { checkIndex, checkSize } from './tree-size.ts'

/** No tree that can be has a longer path. */
export const PROOF_HASHES_MAX = 63

/**
 * Verifies that the entry with this hash is at this index (RFC 9162, section 2.1.3.2).
 * @throws {TlogError} `proof_invalid`, and `size_invalid` or `hash_invalid` for what cannot be
 */
export function verifyInclusion(
  entry: { readonly index: number; readonly leafHash: Uint8Array },
  tree: { readonly size: number; readonly root: Uint8Array },
  proof: readonly Uint8Array[],
): void {
  checkIndex(entry.index, tree.size)
  checkHash(entry.leafHash, 'the hash of the entry')
  checkHash(tree.root, 'the root')
  checkProof(proof)
  let node = entry.index
  let last = tree.size - 1
  let hash = entry.leafHash
  for (const sibling of proof) {
    if (last === 0) throw invalid('the proof of inclusion is too long')
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sibling, hash)
      while (node % 2 === 0 && node !== 0) {
        node /= 2
        last = half(last)
      }
    } else {
      hash = nodeHash(hash, sibling)
    }
    node = half(node)
    last = half(last)
  }
  if (last !== 0) throw invalid('the proof of inclusion is too short')
  if (!equalBytes(hash, tree.root)) throw invalid('the proof of inclusion leads to another root')
}

/**
 * Verifies that the newer tree begins with all of the older one (RFC 9162, section 2.1.4.2).
 * Nothing follows from the empty tree: a proof from it to any other is refused.
 * @throws {TlogError} `proof_invalid`, and `size_invalid` or `hash_invalid` for what cannot be
 */
export function verifyConsistency(
  older: { readonly size: number; readonly root: Uint8Array },
  newer: { readonly size: number; readonly root: Uint8Array },
  proof: readonly Uint8Array[],
): void {
  checkTree(older, 'older')
  checkTree(newer, 'newer')
  checkProof(proof)
  if (older.size > newer.size) throw invalid('the older tree is the larger one')
  if (older.size === newer.size) {
    if (proof.length > 0) throw invalid('trees of one size need no proof of consistency')
    if (!equalBytes(older.root, newer.root)) throw invalid('trees of one size have two roots')
    return
  }
  if (older.size === 0) throw invalid('the empty tree proves nothing')
  const path = isPowerOfTwo(older.size) ? [older.root, ...proof] : proof
  const [olderRoot, newerRoot] = rootsOf(older.size, newer.size, path)
  if (!equalBytes(olderRoot, older.root)) {
    throw invalid('the proof of consistency leads to another older root')
  }
  if (!equalBytes(newerRoot, newer.root)) {
    throw invalid('the proof of consistency leads to another newer root')
  }
}

/**
 * The root of the older tree from which a proof of consistency leads to the newer one, whatever
 * root that tree is said to have; `undefined` where it leads elsewhere. A proof does not hold the
 * root of an older size that is a power of two: nothing can be told of it there.
 */
export function provenOlderRoot(
  olderSize: number,
  newer: { readonly size: number; readonly root: Uint8Array },
  proof: readonly Uint8Array[],
): Uint8Array | undefined {
  checkSize(olderSize, 'the older size')
  checkTree(newer, 'newer')
  checkProof(proof)
  if (olderSize === 0 || olderSize >= newer.size || isPowerOfTwo(olderSize)) return undefined
  try {
    const [olderRoot, newerRoot] = rootsOf(olderSize, newer.size, proof)
    return equalBytes(newerRoot, newer.root) ? olderRoot : undefined
  } catch (error) {
    if (error instanceof TlogError) return undefined
    throw error
  }
}

function rootsOf(
  older: number,
  newer: number,
  path: readonly Uint8Array[],
): readonly [Uint8Array, Uint8Array] {
  const [first, ...rest] = path
  if (first === undefined) throw invalid('the proof of consistency is empty')
  let node = older - 1
  let last = newer - 1
  while (node % 2 === 1) {
    node = half(node)
    last = half(last)
  }
  let olderRoot = first
  let newerRoot = first
  for (const sibling of rest) {
    if (last === 0) throw invalid('the proof of consistency is too long')
    if (node % 2 === 1 || node === last) {
      olderRoot = nodeHash(sibling, olderRoot)
      newerRoot = nodeHash(sibling, newerRoot)
      while (node % 2 === 0 && node !== 0) {
        node /= 2
        last = half(last)
      }
    } else {
      newerRoot = nodeHash(newerRoot, sibling)
    }
    node = half(node)
    last = half(last)
  }
  if (last !== 0) throw invalid('the proof of consistency is too short')
  return [olderRoot, newerRoot]
}

function checkTree(tree: { size: number; root: Uint8Array }, which: string): void {
  checkSize(tree.size, `the ${which} size`)
  checkHash(tree.root, `the ${which} root`)
  if (tree.size === 0 && !equalBytes(tree.root, EMPTY_ROOT)) {
    throw invalid(`the ${which} tree is empty and has the root of another`)
  }
}

function checkProof(proof: readonly Uint8Array[]): void {
  if (proof.length > PROOF_HASHES_MAX) throw invalid('the proof is longer than any tree is high')
  for (const hash of proof) checkHash(hash, 'a hash of the proof')
}

// Numbers beyond 2^32 have no bitwise operators.
function half(value: number): number {
  return Math.floor(value / 2)
}

function isPowerOfTwo(value: number): boolean {
  let rest = value
  while (rest % 2 === 0) rest /= 2
  return rest === 1
}

function invalid(message: string): TlogError {
  return new TlogError(TlogErrorCode.proofInvalid, message)
}
