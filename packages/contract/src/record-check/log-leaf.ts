import { messageOf } from '../errors.ts'
import { type JournalLine, parseJournalLine } from '../journal-line.ts'
import { isCanonicalJson } from './canonical-json.ts'
import { ContradictionErrorCode, LogContradiction } from './errors.ts'

/** A leaf of the log, as anyone may read it. */
export type LogLeaf =
  | { readonly kind: 'record'; readonly line: JournalLine }
  /** About the log: one key beside the version says what. */
  | { readonly kind: string; readonly json: string; readonly body: unknown }

const BRACE = 0x7b
/** Leaves of a later version are passed over. */
const VERSION = 1

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads a leaf: UTF-8, a journal's line or an object, its JSON in the one canonical form.
 * @throws {LogContradiction} `leaf_malformed`
 */
export function readLogLeaf(bytes: Uint8Array, index: number): LogLeaf {
  try {
    const text = utf8.decode(bytes)
    if (bytes[0] !== BRACE) {
      const line = parseJournalLine(text)
      if (!isCanonicalJson(line.json, line.record)) throw new Error('its JSON is not canonical')
      return { kind: 'record', line }
    }
    const whole = JSON.parse(text) as Record<string, unknown>
    if (!isCanonicalJson(text, whole)) throw new Error('its JSON is not canonical')
    const [kind, another] = Object.keys(whole).filter((key) => key !== 'v')
    if (kind === undefined || another !== undefined || kind === 'record') {
      throw new Error('it does not say what it is about')
    }
    if (whole['v'] !== VERSION) return { kind: 'unknown', json: text, body: undefined }
    return { kind, json: text, body: whole[kind] }
  } catch (cause) {
    const message = `it is no leaf of a log: ${messageOf(cause)}`
    const leaves = { from: index, to: index }
    throw new LogContradiction(ContradictionErrorCode.leafMalformed, message, leaves, { cause })
  }
}
