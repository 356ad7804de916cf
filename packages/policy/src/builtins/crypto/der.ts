import { BuiltinError } from '../builtin.ts'

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8: 0x0c,
  numeric: 0x12,
  printable: 0x13,
  t61: 0x14,
  ia5: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmp: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const

/** The tag of a part that its place gives a meaning, such as `[0]`. */
export function contextTag(number: number, isConstructed = false): number {
  return 0x80 | number | (isConstructed ? 0x20 : 0)
}

export interface Element {
  readonly tag: number
  /** With its tag and its length. */
  readonly bytes: Buffer
  readonly value: Buffer
}

/** A larger part of an identifier, Go does not read. */
const OID_PART_MAX = 2 ** 31 - 1

/** Reads DER from its begin to its end, as strictly as Go does. @throws {BuiltinError} */
export class Der {
  #rest: Buffer

  constructor(bytes: Buffer) {
    this.#rest = bytes
  }

  get isEmpty(): boolean {
    return this.#rest.length === 0
  }

  get rest(): Buffer {
    return this.#rest
  }

  isNext(tag: number): boolean {
    return this.#rest[0] === tag
  }

  any(): Element {
    const [tag, first] = this.#rest
    if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw malformed()
    let header = 2
    let length = first
    if (first >= 0x80) {
      const count = first & 0x7f
      if (count === 0 || count > 4 || this.#rest.length < 2 + count) throw malformed()
      length = this.#rest.readUIntBE(2, count)
      // No longer than it must be.
      if (length < 0x80 || length >>> ((count - 1) * 8) === 0) throw malformed()
      header += count
    }
    const end = header + length
    if (end > this.#rest.length) throw malformed()
    const bytes = this.#rest.subarray(0, end)
    this.#rest = this.#rest.subarray(end)
    return { tag, bytes, value: bytes.subarray(header) }
  }

  element(tag: number): Element {
    if (!this.isNext(tag)) throw malformed()
    return this.any()
  }

  value(tag: number): Buffer {
    return this.element(tag).value
  }

  inner(tag: number): Der {
    return new Der(this.value(tag))
  }

  optional(tag: number): Der | undefined {
    return this.isNext(tag) ? this.inner(tag) : undefined
  }

  integer(tag: number = TAG.integer): bigint {
    const bytes = this.value(tag)
    const [first, second] = bytes
    if (first === undefined) throw malformed()
    if (second !== undefined) {
      if ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)) throw malformed()
    }
    return BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`))
  }

  /** An integer of 64 bits. */
  int64(tag: number = TAG.integer): bigint {
    const value = this.integer(tag)
    if (BigInt.asIntN(64, value) !== value) throw malformed()
    return value
  }

  boolean(): boolean {
    const bytes = this.value(TAG.boolean)
    if (bytes.length !== 1 || (bytes[0] !== 0 && bytes[0] !== 0xff)) throw malformed()
    return bytes[0] === 0xff
  }

  oid(): number[] {
    const parts = oidParts(this.value(TAG.oid))
    if (parts.some((part) => part > OID_PART_MAX)) throw malformed()
    return parts.map(Number)
  }

  /** Bits from the highest one of the first byte on. */
  bits(): Buffer {
    return this.#bits()[0]
  }

  /** Bits to the lowest one of the last byte, as numbers and keys have them. */
  alignedBits(): Buffer {
    const [bits, padding] = this.#bits()
    if (padding === 0) return bits
    return Buffer.from(
      bits.map((byte, at) => (((bits[at - 1] ?? 0) << (8 - padding)) | (byte >> padding)) & 0xff),
    )
  }

  #bits(): readonly [bits: Buffer, padding: number] {
    const bytes = this.value(TAG.bitString)
    const [padding] = bytes
    if (padding === undefined || padding > 7) throw malformed()
    const last = bytes.at(-1) ?? 0
    const isEmpty = bytes.length === 1
    if (isEmpty ? padding > 0 : (last & ((1 << padding) - 1)) !== 0) throw malformed()
    return [bytes.subarray(1), padding]
  }
}

/** The numbers of an object identifier. @throws {BuiltinError} */
export function oidParts(bytes: Buffer): bigint[] {
  const parts: bigint[] = []
  let part = 0n
  let isInside = false
  for (const byte of bytes) {
    if (!isInside && byte === 0x80) throw malformed()
    part = (part << 7n) | BigInt(byte & 0x7f)
    isInside = byte >= 0x80
    if (isInside) continue
    parts.push(part)
    part = 0n
  }
  const [first] = parts
  if (first === undefined || isInside) throw malformed()
  const root = first < 80n ? first / 40n : 2n
  return [root, first - root * 40n, ...parts.slice(1)]
}

/** The parts of a sequence. */
export function* partsOf(der: Der): Generator<Element> {
  const sequence = der.inner(TAG.sequence)
  while (!sequence.isEmpty) yield sequence.any()
}

export function malformed(): BuiltinError {
  return new BuiltinError('the bytes are no such thing in DER')
}
