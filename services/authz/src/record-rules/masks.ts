import { type Decision, RECORD_MASKS_MAX } from '@verdict/contract'
import { MASK } from '../masking.ts'

/** One mask, as the policy gives it. */
export interface MaskRule {
  readonly op: 'remove' | 'upsert'
  /** The parts of its path: a field of the record, and for the input what is in it. */
  readonly field: string
  readonly inner: readonly string[]
  readonly value?: unknown
}

/** Texts that a record must have. */
const NEEDED = new Set(['principal', 'reason', 'request/host', 'request/path'])
/** Other texts that say nothing of the place, the time, the outcome or the policy. */
const OPTIONAL = new Set([
  'destination/address',
  'destination/principal',
  'identity/issuer',
  'identity/subject',
  'identity/workload',
  'request/id',
  'source/address',
  'source/principal',
])
const INPUT = 'policy/input'
/** As masks of OPA call it. */
const INPUT_ALIAS = 'input'

/** The masks that a policy gives. @throws {TypeError} that says what is wrong with them */
export function readMasks(given: unknown): MaskRule[] {
  if (given === undefined) return []
  if (!Array.isArray(given)) throw new TypeError('the masks are no set and no array')
  return given.map((one: unknown) => {
    if (typeof one === 'string') return maskOf('remove', one, undefined)
    const { op, path, value } = (one ?? {}) as { op?: unknown; path?: unknown; value?: unknown }
    return maskOf(op, path, value)
  })
}

function maskOf(op: unknown, path: unknown, value: unknown): MaskRule {
  if (op !== 'remove' && op !== 'upsert') {
    throw new TypeError(`\`${String(op)}\` is no \`op\` of a mask: expected remove or upsert`)
  }
  if (typeof path !== 'string' || !path.startsWith('/')) {
    throw new TypeError(`\`${String(path)}\` is no path of a mask: begin it with a slash`)
  }
  const parts = path.slice(1).split('/').map(unescaped)
  const rest = parts[0] === INPUT_ALIAS ? ['policy', ...parts] : parts
  const field = rest.slice(0, rest.length === 1 ? 1 : 2).join('/')
  const inner = rest.slice(2)
  if (field === INPUT) return { op, field, inner, value }
  if (inner.length > 0 || !(NEEDED.has(field) || OPTIONAL.has(field))) {
    throw new TypeError(`\`${path}\` is no text of a record that may be masked`)
  }
  if (op === 'upsert' && typeof value !== 'string') {
    throw new TypeError(`the mask of \`${path}\` has a value that is no text`)
  }
  return { op, field, inner, value }
}

/** Of RFC 6901. */
function unescaped(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~')
}

function escaped(part: string): string {
  return part.replaceAll('~', '~0').replaceAll('/', '~1')
}

/**
 * A record without what the masks name, and with their paths. What is not there is left alone.
 * @throws {TypeError} where they are more than a record can name
 */
export function applyMasks(record: Decision, masks: readonly MaskRule[]): Decision {
  const copy = structuredClone(record) as unknown as Record<string, unknown>
  const input = new MaskedInput(record.policy.input)
  const erased: string[] = []
  const masked: string[] = []
  for (const mask of masks) {
    const isDone = mask.field === INPUT ? input.mask(mask) : maskText(copy, mask)
    if (!isDone) continue
    const path = `/${[...mask.field.split('/'), ...mask.inner].map(escaped).join('/')}`
    const named = mask.op === 'remove' ? erased : masked
    if (!named.includes(path)) named.push(path)
  }
  if (Math.max(erased.length, masked.length) > RECORD_MASKS_MAX) {
    throw new TypeError(`more than ${RECORD_MASKS_MAX} masks hold for one record`)
  }
  const { policy } = record
  const { input: _, ...others } = policy
  return {
    ...(copy as unknown as Decision),
    policy: input.text === undefined ? others : { ...policy, input: input.text },
    ...(erased.length === 0 ? undefined : { erased }),
    ...(masked.length === 0 ? undefined : { masked }),
  }
}

function maskText(record: Record<string, unknown>, { op, field, value }: MaskRule): boolean {
  const [name = '', inner] = field.split('/')
  const holder = inner === undefined ? record : (record[name] as Record<string, unknown>)
  const key = inner ?? name
  if (op === 'remove' && holder[key] === undefined) return false
  if (op === 'upsert') holder[key] = value
  else if (NEEDED.has(field)) holder[key] = MASK
  else delete holder[key]
  return true
}

/** The input of a record, which is read where a mask is for it. */
class MaskedInput {
  #text: string | undefined
  #value: { readonly value: unknown } | undefined
  #isChanged: boolean = false

  constructor(text: string | undefined) {
    this.#text = text
  }

  /** Its JSON; undefined where there is none. */
  get text(): string | undefined {
    return this.#isChanged ? JSON.stringify(this.#value?.value) : this.#text
  }

  /** Whether the mask was for something that is there. */
  mask({ op, inner, value }: MaskRule): boolean {
    if (this.#text === undefined || (this.#isChanged && this.#value?.value === undefined))
      return false
    this.#value ??= { value: JSON.parse(this.#text) as unknown }
    const last = inner.at(-1)
    if (last === undefined) {
      this.#value = { value: op === 'remove' ? undefined : value }
      return this.#changed()
    }
    const holder = holderOf(this.#value.value, inner.slice(0, -1), op === 'upsert')
    if (Array.isArray(holder)) {
      const index = indexIn(holder, last)
      if (index === undefined) return false
      if (op === 'remove') holder.splice(index, 1)
      else holder[index] = value
      return this.#changed()
    }
    if (holder === undefined || (op === 'remove' && !Object.hasOwn(holder, last))) return false
    if (op === 'remove') delete holder[last]
    else setOwn(holder, last, value)
    return this.#changed()
  }

  #changed(): true {
    this.#isChanged = true
    return true
  }
}

type Holder = unknown[] | Record<string, unknown>

/** What a path leads to; objects on the way are made where `make` says so. */
function holderOf(root: unknown, path: readonly string[], make: boolean): Holder | undefined {
  let holder = root
  for (const part of path) {
    if (typeof holder !== 'object' || holder === null) return undefined
    if (Array.isArray(holder)) {
      const index = indexIn(holder, part)
      holder = index === undefined ? undefined : (holder[index] as unknown)
      continue
    }
    const object = holder as Record<string, unknown>
    if (!Object.hasOwn(object, part)) {
      if (!make) return undefined
      setOwn(object, part, {})
    }
    holder = object[part]
  }
  return typeof holder === 'object' && holder !== null ? (holder as Holder) : undefined
}

function indexIn(list: readonly unknown[], part: string): number | undefined {
  const index = /^\d{1,9}$/.test(part) ? Number(part) : -1
  return index >= 0 && index < list.length ? index : undefined
}

/** Also where the key is `__proto__`. */
function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(object, key, {
    ...{ value, configurable: true, enumerable: true, writable: true },
  })
}
