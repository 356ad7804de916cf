import { randomUUID } from 'node:crypto'
import { objectOf } from '../value/compare.ts'
import { regoText } from '../value/rego-text.ts'
import { integerOf, type Value } from '../value/value.ts'
import { BuiltinError, type Builtins } from './builtin.ts'
import { stringOf } from './operands.ts'

const FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
/** Versions 1 and 2 count steps of 100 ns from 15 October 1582. */
const EPOCH_STEPS = 122_192_928_000_000_000n
const DOMAINS = ['Person', 'Group', 'Org']

export const uuidBuiltins: Builtins = {
  'uuid.rfc4122': (evaluation, name) =>
    evaluation.once(`uuid.rfc4122 ${regoText(name as Value)}`, () => randomUUID()),
  'uuid.parse': (_, text) => parsed(stringOf(text)),
}

function parsed(text: string): Value {
  const bytes = bytesOf(text)
  const version = (bytes[6] ?? 0) >> 4
  const found: [string, Value][] = [
    ['version', version],
    ['variant', variantOf(bytes[8] ?? 0)],
  ]
  if (version === 1 || version === 2) found.push(...timeBased(bytes))
  if (version === 2) {
    const domain = bytes[9] ?? 0
    found.push(['id', bytes.readUInt32BE(0)], ['domain', DOMAINS[domain] ?? `Domain${domain}`])
  }
  return objectOf(found)
}

function bytesOf(text: string): Buffer {
  const bytes = Buffer.byteLength(text)
  let plain = text
  if (bytes === 45 && /^urn:uuid:/i.test(text)) plain = text.slice(9)
  // Of what encloses 36 characters, OPA's reader looks at neither end.
  if (bytes === 38) plain = [...text].length === 38 ? text.slice(1, 37) : text
  if (!FORM.test(plain) && !/^[0-9a-f]{32}$/i.test(plain)) throw new BuiltinError('no UUID')
  return Buffer.from(plain.replaceAll('-', ''), 'hex')
}

function variantOf(byte: number): string {
  if ((byte & 0xc0) === 0x80) return 'RFC4122'
  if ((byte & 0xe0) === 0xc0) return 'Microsoft'
  return (byte & 0xe0) === 0xe0 ? 'Future' : 'Reserved'
}

function timeBased(bytes: Buffer): [string, Value][] {
  const node = [...bytes.subarray(10)].map((byte) => byte.toString(16).padStart(2, '0'))
  const steps =
    BigInt(bytes.readUInt32BE(0)) |
    (BigInt(bytes.readUInt16BE(4)) << 32n) |
    (BigInt(bytes.readUInt16BE(6) & 0xfff) << 48n)
  const first = bytes[10] ?? 0
  return [
    // Beyond 64 bits OPA counts on from the other end.
    ['time', integerOf(BigInt.asIntN(64, (steps - EPOCH_STEPS) * 100n))],
    ['nodeid', node.join('-')],
    ['macvariables', `${first & 2 ? 'local' : 'global'}:${first & 1 ? 'multicast' : 'unicast'}`],
    ['clocksequence', bytes.readUInt16BE(8) & 0x3fff],
  ]
}
