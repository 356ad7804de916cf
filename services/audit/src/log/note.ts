import { canonicalJson } from './canonical-json.ts'

/**
 * # Notes: all leaves that are neither decisions nor findings
 *
 * A note is `{"<kind>":{…},"v":1}` in canonical JSON. To add a kind, add a line to `NOTE_KINDS`, and:
 *
 * - write it: `store.note('advisory', {…})`, durable when it returns; or among the leaves of a
 *   message, in its commit: `appendNote(parts, 'advisory', {…})` of `index/append-note.ts`;
 *   a line that has to stay as it is: `index.takeNote(note, log.append(bytes), bytes.length)`;
 * - find it again: `store.notes('advisory')`, oldest first, with its body as it is in the log.
 *
 * The index takes each note in by itself, and has it again when it is built again.
 */
export interface Note {
  readonly kind: NoteKind
  readonly body: NoteBody
}

/** An object of canonical JSON: no number but whole ones. */
export type NoteBody = Readonly<Record<string, unknown>>

interface NoteTraits {
  /** Tells one note from another of its kind: of two alike the newest counts. Else all count. */
  readonly key?: (body: NoteBody) => string
  /** False: the index does not remember it, such as what comes with each message. */
  readonly indexed?: false
  /** It is said again at the beginning of each shard, and so outlives the one it was written in. */
  readonly standing?: true
  /** It ends the note of another kind with the same key. */
  readonly ends?: string
}

const named = ({ name }: NoteBody): string => String(name)

export const NOTE_KINDS = {
  /** A shard begins; `previous` is the one before. */
  shard: { key: named },
  /** The last leaf of a shard. */
  closed: { key: named },
  /** Where the chains stand at the beginning of a shard, and what is missing of them. */
  chains: { indexed: false },
  /** What must not be pruned. */
  hold: { key: named, standing: true },
  release: { key: named, ends: 'hold' },
  /** The entries of a shard are about to be removed. */
  pruned: { key: ({ shard }) => String(shard), standing: true },
  /** What the servers say about the stream. */
  advisory: {},
  /** Somebody has changed something through the API. */
  operation: {},
  /** The key of a subject was destroyed. */
  erasure: { standing: true },
  /** The key that seals a journal. */
  journalKey: {
    key: ({ epoch, from, instance }) => `${epoch} ${from} ${instance}`,
    standing: true,
  },
  seal: { indexed: false },
} as const satisfies Record<string, NoteTraits>
export type NoteKind = keyof typeof NOTE_KINDS

const VERSION = 1

export function traitsOf(kind: NoteKind): NoteTraits {
  return NOTE_KINDS[kind]
}

export function noteLeaf(kind: NoteKind, body: NoteBody): Uint8Array {
  return Buffer.from(canonicalJson({ [kind]: body, v: VERSION }))
}

/** The note that an object is; undefined where it is none, or of a later version. */
export function noteOf(object: Readonly<Record<string, unknown>>): Note | undefined {
  const { v, ...rest } = object
  const [[kind, body] = []] = Object.entries(rest)
  if (v !== VERSION || kind === undefined || !Object.hasOwn(NOTE_KINDS, kind)) return undefined
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined
  return { kind: kind as NoteKind, body: body as NoteBody }
}
