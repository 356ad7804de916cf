import { decodeBase64, encodeBase64 } from './base64.ts'
import { TlogError, TlogErrorCode } from './errors.ts'

/** One line below the text of a note. */
export interface NoteSignature {
  readonly name: string
  /** Tells keys of one name apart. */
  readonly keyId: number
  readonly signature: Uint8Array
}

export interface Note {
  /** With the line end of its last line. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** A longer note is refused: enough for 16 signatures of any kind, which everyone must take. */
export const NOTE_BYTES_MAX = 256 * 1024
/** A note with more signatures is refused before one of them is verified. */
export const NOTE_SIGNATURES_MAX = 64

const KEY_ID_BYTES = 4
const SEPARATOR = '\n\n'
const SIGNATURE = /^— ([^ ]+) ([^ ]+)$/u
// What is not text is found here, before anything of it is shown to someone.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the point.
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/
const KEY_NAME = /^[^\p{White_Space}+]+$/u

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A name of a key has neither spaces nor a plus sign, which separates it from what follows. */
export function isKeyName(name: string): boolean {
  return KEY_NAME.test(name) && name.isWellFormed()
}

/**
 * Reads a note (c2sp.org/signed-note) without verifying anything.
 * @throws {TlogError} `note_malformed`
 */
export function parseNote(note: Uint8Array | string): Note {
  const whole = textOf(note)
  // The last empty line separates: the text itself may have some.
  const separator = whole.lastIndexOf(SEPARATOR)
  if (separator < 0) throw malformed('there is no empty line between text and signatures')
  const text = whole.slice(0, separator + 1)
  const below = whole.slice(separator + SEPARATOR.length)
  if (!below.endsWith('\n')) throw malformed('it does not end with a signature and a line end')
  return { text, signatures: parseSignatures(below) }
}

/** The signatures in lines such as stand below a note, or in the answer of a witness. */
export function parseSignatures(lines: string): NoteSignature[] {
  if (lines === '') return []
  const each = lines.slice(0, lines.endsWith('\n') ? -1 : undefined).split('\n')
  if (each.length > NOTE_SIGNATURES_MAX) {
    throw malformed(`it has ${each.length} signatures, and ${NOTE_SIGNATURES_MAX} are the most`)
  }
  return each.map(parseSignature)
}

/** @throws {TlogError} `note_malformed` */
export function formatNote({ text, signatures }: Note): string {
  if (!text.endsWith('\n') || !text.isWellFormed() || CONTROL.test(text)) {
    throw malformed('its text is not made of lines')
  }
  return `${text}\n${formatSignatures(signatures)}`
}

export function formatSignatures(signatures: readonly NoteSignature[]): string {
  return signatures.map((line) => `${formatSignature(line)}\n`).join('')
}

function formatSignature({ name, keyId, signature }: NoteSignature): string {
  if (!isKeyName(name)) throw malformed(`\`${name}\` is no name of a key`)
  const bytes = Buffer.alloc(KEY_ID_BYTES + signature.length)
  bytes.writeUInt32BE(keyId)
  bytes.set(signature, KEY_ID_BYTES)
  return `— ${name} ${encodeBase64(bytes)}`
}

function parseSignature(line: string): NoteSignature {
  const [, name = '', encoded = ''] = SIGNATURE.exec(line) ?? []
  if (!isKeyName(name)) throw malformed('a line below its text is no signature')
  const bytes = decodeBase64(encoded)
  if (bytes === undefined || bytes.length <= KEY_ID_BYTES) {
    throw malformed(`the signature of \`${name}\` is not base64 of a key id and a signature`)
  }
  const keyId = Buffer.from(bytes.buffer, bytes.byteOffset, KEY_ID_BYTES).readUInt32BE()
  return { name, keyId, signature: bytes.subarray(KEY_ID_BYTES) }
}

function textOf(note: Uint8Array | string): string {
  if (note.length > NOTE_BYTES_MAX) throw malformed(`it is longer than ${NOTE_BYTES_MAX} bytes`)
  let text: string
  try {
    text = typeof note === 'string' ? note : utf8.decode(note)
  } catch (error) {
    throw malformed('it is not UTF-8', error)
  }
  if (!text.isWellFormed()) throw malformed('it is not UTF-8')
  if (CONTROL.test(text)) throw malformed('it holds control characters')
  return text
}

function malformed(what: string, cause?: unknown): TlogError {
  return new TlogError(TlogErrorCode.noteMalformed, `the note is malformed: ${what}`, { cause })
}
