import { base64Bytes } from '../../go/base64.ts'
import { readJson } from '../../go/read-json.ts'
import { decoded } from '../../go/utf8.ts'
import { isArray, isObject, type RegoObject, type Value } from '../../value/value.ts'
import { BuiltinError } from '../builtin.ts'
import { stringOf } from '../operands.ts'

/** A token in its three parts, each as the token has it. */
export interface Token {
  readonly header: string
  readonly payload: string
  readonly signature: string
}

/** What the header of a token says that matters here. */
export interface TokenHeader {
  readonly alg: string
  readonly kid: string
  readonly cty: string
  /** Whether all that it asks to be understood is. */
  readonly isUnderstood: boolean
}

/** @throws {BuiltinError} */
export function tokenOf(value: Value | undefined): Token {
  const [header, payload, signature, more] = stringOf(value).split('.', 4)
  if (
    header === undefined ||
    payload === undefined ||
    signature === undefined ||
    more !== undefined
  ) {
    throw new BuiltinError('a token has three parts')
  }
  return { header, payload, signature }
}

/** The bytes of a part. @throws {BuiltinError} */
export function bytesOf(part: string): Buffer {
  const missing = part.endsWith('=') ? 0 : (4 - (Buffer.byteLength(part) % 4)) % 4
  const bytes = missing === 3 ? undefined : base64Bytes(part + '='.repeat(missing), 'url')
  if (bytes === undefined) throw new BuiltinError('a part of the token is no base64')
  return bytes
}

/** @throws {BuiltinError} */
export function headerOf(token: Token): RegoObject {
  const header = jsonObject(textOf(token.header))
  if (header.has('enc')) throw new BuiltinError('encrypted tokens are not supported')
  return header
}

export function textOf(part: string): string {
  return decoded(bytesOf(part))
}

/** @throws {BuiltinError} */
export function jsonObject(text: string): RegoObject {
  const value = readJson(text)
  if (value === undefined || !isObject(value)) throw new BuiltinError('the text is no JSON object')
  return value
}

/** @throws {BuiltinError} */
export function parseHeader(header: RegoObject): TokenHeader {
  const texts = ['alg', 'kid', 'typ', 'cty'].map((name) => stringOf(header.get(name) ?? ''))
  const [alg = '', kid = '', , cty = ''] = texts
  for (const name of ['alg', 'kid', 'typ', 'cty']) if (header.has(name)) stringOf(header.get(name))
  const critical = header.has('crit') ? criticalOf(header.get('crit')) : []
  const known = new Set(['alg', 'kid', 'typ', 'cty', 'crit'])
  const unknown = [...header.keys()].filter((name) => !known.has(String(name)))
  const isUnderstood = alg !== '' && !unknown.some((name) => critical.includes(String(name)))
  return { alg, kid, cty, isUnderstood }
}

/** OPA reads them up to the first one that is no string. */
function criticalOf(value: Value | undefined): string[] {
  if (value === undefined || !isArray(value)) throw new BuiltinError('`crit` must be a list')
  const end = value.findIndex((name) => typeof name !== 'string')
  const names = value.slice(0, end < 0 ? undefined : end).map(String)
  if (names.length === 0) throw new BuiltinError('`crit` must name something')
  return names
}
