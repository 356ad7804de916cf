import { type NoteBody, type NoteKind, noteLeaf } from '../log/note.ts'
import type { LogIndex } from './log-index.ts'

/** The log as it is written, and what follows it. */
export interface NoteParts {
  readonly log: { append(leaf: Uint8Array): number }
  readonly index: Pick<LogIndex, 'takeNote'>
}

/** Appends a note to what the next commit makes durable; tells its index. */
export function appendNote({ log, index }: NoteParts, kind: NoteKind, body: NoteBody): number {
  const bytes = noteLeaf(kind, body)
  const at = log.append(bytes)
  index.takeNote({ kind, body }, at, bytes.length)
  return at
}
