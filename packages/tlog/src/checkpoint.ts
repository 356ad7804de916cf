import { decodeBase64, encodeBase64 } from './base64.ts'
import { TlogError, TlogErrorCode } from './errors.ts'
import { checkHash, HASH_BYTES } from './hash.ts'
import type { TreeHead } from './tiled-tree.ts'
import { checkSize, parseSize } from './tree-size.ts'

/** What a log says of itself: c2sp.org/tlog-checkpoint. */
export interface Checkpoint extends TreeHead {
  readonly origin: string
  /** Lines that the log adds, which nobody audits. */
  readonly extensions: readonly string[]
}

/** A text of lines, none of which is empty. */
const LINES = /^(?:[^\n]+\n)+$/

/**
 * The text of a note as a checkpoint.
 * @throws {TlogError} `checkpoint_malformed`
 */
export function parseCheckpoint(text: string): Checkpoint {
  if (!LINES.test(text)) throw malformed('it is not made of lines that all say something')
  const [origin, sizeText, rootText, ...extensions] = text.slice(0, -1).split('\n')
  if (origin === undefined || sizeText === undefined || rootText === undefined) {
    throw malformed('it has fewer than three lines')
  }
  const size = parseSize(sizeText)
  if (size === undefined) throw malformed(`\`${sizeText}\` is no size of a tree`)
  const root = decodeBase64(rootText)
  if (root?.length !== HASH_BYTES) throw malformed(`\`${rootText}\` is no root of a tree`)
  return { origin, size, root, extensions }
}

/** @throws {TlogError} `checkpoint_malformed`, `size_invalid`, `hash_invalid` */
export function formatCheckpoint(
  checkpoint: Omit<Checkpoint, 'extensions'> & Partial<Pick<Checkpoint, 'extensions'>>,
): string {
  checkSize(checkpoint.size, 'the size')
  checkHash(checkpoint.root, 'the root')
  const { origin, size, root, extensions = [] } = checkpoint
  if (origin === '') throw malformed('it has no origin')
  const lines = [origin, String(size), encodeBase64(root), ...extensions]
  if (lines.some((line) => line === '' || line.includes('\n'))) {
    throw malformed('the origin and each extension are one line each')
  }
  return `${lines.join('\n')}\n`
}

function malformed(what: string): TlogError {
  return new TlogError(TlogErrorCode.checkpointMalformed, `the checkpoint is malformed: ${what}`)
}
