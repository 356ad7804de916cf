import fc from 'fast-check'

/** Operands as Rego writes them. */
type Operand = fc.Arbitrary<string>

/** The same calls in each run. */
const SEED = 5
const CALLS = 40

const sign = fc.constantFrom('', '', '-')
const digits = (maxLength: number) =>
  fc.stringMatching(new RegExp(`^[1-9]\\d{0,${maxLength - 1}}$`))
const number: Operand = fc.oneof(
  fc.integer({ min: 1, max: 20 }).map(String),
  fc.tuple(sign, digits(25)).map((parts) => parts.join('')),
  fc.tuple(sign, digits(20), fc.constantFrom('.', '.0', '.000'), digits(20)).map(joined),
  fc.tuple(sign, fc.constantFrom('0.', '0.000', '0.000000'), digits(20)).map(joined),
  fc.tuple(sign, digits(20), fc.constantFrom('.5', '.0', '.25', '.50')).map(joined),
  fc
    .tuple(sign, digits(3), fc.integer({ min: -310, max: 310 }))
    .map(([s, d, e]) => `${s}${d}e${e}`),
)
const index = fc.integer({ min: -2, max: 8 }).map(String)

/** A text of these characters. */
function textOf(characters: string, maxLength: number, minLength = 0): Operand {
  const character = fc.constantFrom(...characters)
  return fc.array(character, { minLength, maxLength }).map((made) => JSON.stringify(made.join('')))
}
const text = textOf('abéß😀 \nA."', 7)
const part = textOf('abé', 3, 1)

function arrayOf(operand: Operand, maxLength = 4): Operand {
  return fc.array(operand, { maxLength }).map((made) => `[${made.join(', ')}]`)
}
function setOf(operand: Operand): Operand {
  return fc
    .array(operand, { maxLength: 4 })
    .map((made) => (made.length === 0 ? 'set()' : `{${made.join(', ')}}`))
}
function objectOf(key: Operand, held: Operand): Operand {
  const entry = fc.tuple(key, held).map(([k, v]) => `${k}: ${v}`)
  return fc.array(entry, { maxLength: 4 }).map((made) => `{${made.join(', ')}}`)
}

const scalar = fc.oneof(
  fc.constantFrom('null', 'true', 'false', '0', '1', '2', '-1', '0.5'),
  textOf('abé01', 3),
  number,
)
const nest = (inner: Operand) =>
  fc.oneof(scalar, arrayOf(inner), setOf(inner), objectOf(inner, inner))
const flat = nest(scalar)
const value = nest(flat)
const key = fc.constantFrom('"a"', '"b"', '"c"', '1', '[1]')
const object = objectOf(key, fc.oneof(flat, objectOf(key, fc.oneof(flat, objectOf(key, flat)))))
const path = fc.oneof(
  fc
    .array(fc.constantFrom('a', 'b', 'c', '0', ''), { maxLength: 4 })
    .map((steps) => `"${steps.join('/')}"`),
  arrayOf(fc.constantFrom('"a"', '"b"', '"c"', '"0"', '0', '1', '[1]')),
)

const FAMILIES: Readonly<Record<string, Readonly<Record<string, readonly Operand[]>>>> = {
  arithmetic: {
    plus: [number, number],
    minus: [number, number],
    mul: [number, number],
    div: [number, number],
    rem: [number, number],
    abs: [number],
    round: [number],
    ceil: [number],
    floor: [number],
    'bits.and': [number, number],
    'bits.xor': [number, number],
    'bits.rsh': [number, index],
    sum: [arrayOf(number)],
    product: [arrayOf(number)],
    format_int: [number, fc.constantFrom('2', '8', '10', '16')],
    gt: [number, number],
  },
  collection: {
    sort: [fc.oneof(arrayOf(value), setOf(value))],
    max: [arrayOf(value)],
    min: [setOf(value)],
    lte: [value, value],
    and: [setOf(flat), setOf(flat)],
    or: [setOf(flat), setOf(flat)],
    minus: [setOf(flat), setOf(flat)],
    union: [setOf(setOf(flat))],
    intersection: [setOf(setOf(scalar))],
    'internal.member_2': [flat, value],
    'object.union': [object, object],
    'object.union_n': [arrayOf(object)],
    'object.get': [object, path, fc.constant('"none"')],
    'object.filter': [object, setOf(key)],
    'object.remove': [object, setOf(key)],
    'json.filter': [object, arrayOf(path)],
    'json.remove': [object, arrayOf(path)],
    'json.marshal': [value],
    'graph.reachable': [objectOf(scalar, flat), arrayOf(scalar)],
    'array.slice': [arrayOf(scalar), index, index],
    walk: [value],
  },
  text: {
    'glob.match': [
      textOf('ab*?./{},[]!-\\é', 9),
      fc.constantFrom('[]', 'null', '["/"]', '[".", "/"]', '["é"]'),
      textOf('ab./é{*', 6),
    ],
    'regex.match': [textOf('ab()*?.|^$', 6), text],
    'regex.is_valid': [textOf('ab()*?{1}[]-\\pd', 7)],
    'regex.find_all_string_submatch_n': [textOf('ab()*?.|é', 6), text, index],
    replace: [text, part, text],
    'strings.replace_n': [objectOf(part, text), text],
    split: [text, textOf('abé', 2)],
    substring: [text, index, index],
    indexof: [text, part],
    trim: [text, text],
    trim_right: [text, text],
    trim_space: [text],
    upper: [text],
  },
}

/** Calls by what they have in common. */
export function randomCalls(): ReadonlyMap<string, readonly string[]> {
  return new Map(
    Object.entries(FAMILIES).map(([family, operands]) => [
      family,
      Object.entries(operands).flatMap(([name, made]) => {
        const calls = fc.tuple(...made).map((texts) => `${name}(${texts.join(', ')})`)
        return [...new Set(fc.sample(calls, { seed: SEED, numRuns: CALLS }))]
      }),
    ]),
  )
}

function joined(parts: readonly string[]): string {
  return parts.join('')
}
