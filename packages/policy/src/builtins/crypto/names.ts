import { TextDecoder } from 'node:util'
import { objectOf } from '../../value/compare.ts'
import type { Value } from '../../value/value.ts'
import { type Der, malformed, TAG } from './der.ts'

/** A struct of Go as JSON has it. */
export function struct(fields: Readonly<Record<string, Value>>): Value {
  return objectOf(Object.entries(fields))
}

/** A slice of Go as JSON has it: nothing in it is null. */
export function slice(values: readonly Value[]): Value {
  return values.length === 0 ? null : values
}

/** The fields of a name by the last number of `2.5.4.x`. */
const LISTS: ReadonlyMap<number, string> = new Map([
  [6, 'Country'],
  [7, 'Locality'],
  [8, 'Province'],
  [9, 'StreetAddress'],
  [10, 'Organization'],
  [11, 'OrganizationalUnit'],
  [17, 'PostalCode'],
])
const TEXTS: ReadonlyMap<number, string> = new Map([
  [3, 'CommonName'],
  [5, 'SerialNumber'],
])
const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A `pkix.Name` of Go. @throws {BuiltinError} */
export function nameOf(der: Der): Value {
  const names: Value[] = []
  const lists = new Map<string, Value[]>([...LISTS.values()].map((field) => [field, []]))
  const texts: Record<string, string> = { CommonName: '', SerialNumber: '' }
  const sequence = der.inner(TAG.sequence)
  while (!sequence.isEmpty) {
    const set = sequence.inner(TAG.set)
    while (!set.isEmpty) {
      const attribute = set.inner(TAG.sequence)
      const type = attribute.oid()
      const { tag, value } = attribute.any()
      const text = textOf(tag, value)
      names.push(struct({ Type: type, Value: text }))
      if (type.length !== 4 || type.slice(0, 3).join('.') !== '2.5.4') continue
      const [, , , last = 0] = type
      lists.get(LISTS.get(last) ?? '')?.push(text)
      const field = TEXTS.get(last)
      if (field !== undefined) texts[field] = text
    }
  }
  return struct({
    ...texts,
    ...Object.fromEntries([...lists].map(([field, values]) => [field, slice(values)])),
    Names: slice(names),
    ExtraNames: null,
  })
}

function textOf(tag: number, bytes: Buffer): string {
  const latin = bytes.toString('latin1')
  switch (tag) {
    case TAG.t61:
      return latin
    case TAG.printable:
      return matching(latin, /^[A-Za-z0-9 '()+,\-./:=?*&]*$/)
    case TAG.ia5:
      return ia5(bytes)
    case TAG.numeric:
      return matching(latin, /^[0-9 ]*$/)
    case TAG.utf8:
      try {
        return STRICT.decode(bytes)
      } catch {
        throw malformed()
      }
    case TAG.bmp:
      return bmp(bytes)
    default:
      throw malformed()
  }
}

/** @throws {BuiltinError} where it is no ASCII */
export function ia5(bytes: Buffer): string {
  if (bytes.some((byte) => byte >= 0x80)) throw malformed()
  return bytes.toString('latin1')
}

function bmp(bytes: Buffer): string {
  if (bytes.length % 2 !== 0) throw malformed()
  const text = Buffer.from(bytes).swap16().toString('utf16le')
  return matching(text.replace(/\0$/, ''), /^[^\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]*$/)
}

function matching(text: string, form: RegExp): string {
  if (!form.test(text)) throw malformed()
  return text
}
