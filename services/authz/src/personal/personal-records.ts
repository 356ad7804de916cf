import {
  type Decision,
  encryptableBytes,
  encryptText,
  type PersonalField,
  RECORD_INPUT_BYTES_MAX,
  RECORD_TEXT_BYTES_MAX,
} from '@verdict/contract'
import { MASK } from '../masking.ts'
import type { SubjectKey, SubjectKeys } from './subject-keys.ts'

/** In quotes they have their bound on record. */
const TEXT_BYTES_MAX = encryptableBytes(RECORD_TEXT_BYTES_MAX - 2)
const INPUT_BYTES_MAX = encryptableBytes(RECORD_INPUT_BYTES_MAX - 2)

/** Puts the personal fields of records under the key of their subject. */
export class PersonalRecords {
  readonly #subjects: Pick<SubjectKeys, 'of'>
  readonly #fields: readonly PersonalField[]

  constructor(subjects: Pick<SubjectKeys, 'of'>, fields: readonly PersonalField[]) {
    this.#subjects = subjects
    this.#fields = fields
  }

  /**
   * The record as it is to be written, under the key of the subject of the decision: masks may have
   * left nothing in it that says who that is. At once where the key is there.
   * @throws {PersonalError} as a rejection
   */
  protect(written: Decision, decided: Decision = written): Decision | Promise<Decision> {
    const isNamed = isPerson(decided)
    const subject = isNamed ? decided.principal : decided.source.address
    // Of such a record nothing leads to a person.
    if (subject === undefined) return written
    const fields = isNamed ? this.#fields : this.#fields.filter((field) => field !== 'principal')
    const key = this.#subjects.of(subject)
    if (key instanceof Promise) return key.then((made) => encrypted(written, fields, made))
    return encrypted(written, fields, key)
  }
}

/** Whether the principal is a name, and not that there is none. */
function isPerson({ identity }: Decision): boolean {
  return identity.subject !== undefined || identity.workload !== undefined
}

function encrypted(
  record: Decision,
  fields: readonly PersonalField[],
  subject: SubjectKey,
): Decision {
  const { id: decision } = record
  const { id, key, pseudonym } = subject
  const copy: Record<string, unknown> = { ...record, pseudonym }
  for (const field of fields) {
    const [name = '', inner] = field.split('.')
    const holder = inner === undefined ? copy : (copy[name] as Record<string, unknown>)
    const text = holder[inner ?? name]
    if (typeof text !== 'string' || text === MASK) continue
    const shortened = field === 'policy.input' ? whole(text) : cut(text)
    const { nonce } = subject
    const place = { decision, field }
    const value =
      shortened === undefined ? undefined : encryptText(shortened, { id, key, nonce }, place)
    if (inner === undefined) copy[name] = value
    else copy[name] = withText(holder, inner, value)
  }
  return copy as unknown as Decision
}

function withText(holder: Record<string, unknown>, key: string, value: string | undefined): object {
  if (value !== undefined) return { ...holder, [key]: value }
  const { [key]: _, ...others } = holder
  return { ...others, inputOmitted: true }
}

/** Half of an input is no JSON. */
function whole(text: string): string | undefined {
  return Buffer.byteLength(text) <= INPUT_BYTES_MAX ? text : undefined
}

/** As it would be cut on record, which must not happen to what is encrypted. */
function cut(text: string): string {
  if (text.length * 3 <= TEXT_BYTES_MAX || Buffer.byteLength(text) <= TEXT_BYTES_MAX) return text
  const bytes = Buffer.from(text).subarray(0, TEXT_BYTES_MAX - Buffer.byteLength('…'))
  return `${bytes.toString('utf8').replace(/\uFFFD$/, '')}…`
}
