import { BuiltinError, type Builtins } from './builtin.ts'
import { stringOf } from './operands.ts'

const INT64_MAX = 2n ** 63n - 1n
const NUMERIC = /^(?:0|[1-9][0-9]*)$/
const IDENTIFIERS = /^[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*$/

/** OPA's reading, which takes a leading `v` and no number beyond 64 bits. */
export const semverBuiltins: Builtins = {
  'semver.is_valid': (_, text) => typeof text === 'string' && parsed(text) !== undefined,
  'semver.compare': (_, left, right) => compareVersions(versionOf(left), versionOf(right)),
}

interface Version {
  readonly numbers: readonly bigint[]
  readonly preRelease: readonly string[]
}

function versionOf(text: Parameters<typeof stringOf>[0]): Version {
  const version = parsed(stringOf(text))
  if (version === undefined) throw new BuiltinError('the operand is no semantic version')
  return version
}

function parsed(text: string): Version | undefined {
  const [release, metadata] = cut(text.replace(/^v/, ''), '+')
  if (metadata !== undefined && !IDENTIFIERS.test(metadata)) return undefined
  const [numbers, preRelease] = cut(release, '-')
  const identifiers = preRelease?.split('.') ?? []
  if (preRelease !== undefined && !IDENTIFIERS.test(preRelease)) return undefined
  if (identifiers.some((identifier) => /^0[0-9]+$/.test(identifier))) return undefined
  const parts = numbers.split('.')
  if (parts.length !== 3 || !parts.every((part) => NUMERIC.test(part))) return undefined
  const values = parts.map(BigInt)
  return values.some((value) => value > INT64_MAX)
    ? undefined
    : { numbers: values, preRelease: identifiers }
}

function cut(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

function compareVersions(a: Version, b: Version): number {
  for (const [at, left] of a.numbers.entries()) {
    const right = b.numbers[at] ?? 0n
    if (left !== right) return left < right ? -1 : 1
  }
  if (a.preRelease.length === 0 || b.preRelease.length === 0) {
    return Math.sign(b.preRelease.length - a.preRelease.length)
  }
  for (const [at, left] of a.preRelease.entries()) {
    const right = b.preRelease[at]
    if (right === undefined) return 1
    const order = compareIdentifiers(left, right)
    if (order !== 0) return order
  }
  return a.preRelease.length < b.preRelease.length ? -1 : 0
}

function compareIdentifiers(a: string, b: string): number {
  const [isLeft, isRight] = [/^[0-9]+$/.test(a), /^[0-9]+$/.test(b)]
  if (isLeft !== isRight) return isLeft ? -1 : 1
  if (!isLeft) return a < b ? -1 : a > b ? 1 : 0
  // OPA holds them in 64 bits, and what does not fit is the largest.
  const [left, right] = [clamped(a), clamped(b)]
  return left < right ? -1 : left > right ? 1 : 0
}

function clamped(digits: string): bigint {
  const value = BigInt(digits)
  return value > INT64_MAX ? INT64_MAX : value
}
