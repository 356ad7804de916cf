import { compare, objectOf, setOf } from './compare.ts'
import { numberOf, type RegoObject, type RegoSet, type Value } from './value.ts'

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const ARRAY_BEGIN = 0x5b
const BACKSLASH = 0x5c
const ARRAY_END = 0x5d
const OBJECT_BEGIN = 0x7b
const OBJECT_END = 0x7d
const SPACE = 0x20

const EMPTY_SET = 'set()'
/** As JSON has them, and as Rego's constants may be: `.5`. */
const NUMBER = /-?(?:(?:0|[1-9]\d*)(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?/y

/**
 * Reads a value as OPA's modules write it (`opa_value_dump`): JSON, and what JSON lacks.
 *
 *     {"a":[1,1.0],"b":{"x","y"},"c":set(),[1]:{2:null}}
 *
 * A text of JSON is such a text, so that this also reads JSON without loss.
 * @throws {SyntaxError} where it is no such text
 */
export function readValue(text: string): Value {
  // Most operands of built-ins are one string.
  if (text.charCodeAt(0) === QUOTE) return JSON.parse(text)
  const reader = new Reader(text)
  const value = reader.value()
  reader.end()
  return value
}

class Reader {
  readonly #text: string
  #at = 0
  /** Where the next backslash is, or the end: strings before it are taken as they are. */
  #backslash = -1

  constructor(text: string) {
    this.#text = text
  }

  value(): Value {
    switch (this.#peek()) {
      case QUOTE:
        return this.#string()
      case ARRAY_BEGIN:
        return this.#array()
      case OBJECT_BEGIN:
        return this.#objectOrSet()
      default:
        return this.#atom()
    }
  }

  end(): void {
    if (!Number.isNaN(this.#peek())) throw this.#unexpected()
  }

  #array(): Value[] {
    const values: Value[] = []
    this.#at++
    if (this.#took(ARRAY_END)) return values
    do values.push(this.value())
    while (this.#took(COMMA))
    this.#take(ARRAY_END)
    return values
  }

  #objectOrSet(): Value {
    this.#at++
    if (this.#took(OBJECT_END)) return new Map()
    const first = this.value()
    return this.#took(COLON) ? this.#object(first) : this.#set(first)
  }

  #object(first: Value): RegoObject {
    const entries: [Value, Value][] = [[first, this.value()]]
    while (this.#took(COMMA)) {
      const key = this.value()
      this.#take(COLON)
      entries.push([key, this.value()])
    }
    this.#take(OBJECT_END)
    return sortedObject(entries)
  }

  #set(first: Value): RegoSet {
    const members = [first]
    while (this.#took(COMMA)) members.push(this.value())
    this.#take(OBJECT_END)
    return sortedSet(members)
  }

  #string(): string {
    const start = this.#at
    if (this.#backslash < start) this.#backslash = orEnd(this.#text, '\\', start)
    const end = orEnd(this.#text, '"', start + 1)
    if (end < this.#backslash) {
      this.#at = end + 1
      return this.#text.slice(start + 1, end)
    }
    for (let at = start + 1; at < this.#text.length; at++) {
      const unit = this.#text.charCodeAt(at)
      if (unit === BACKSLASH) at++
      else if (unit === QUOTE) {
        this.#at = at + 1
        return JSON.parse(this.#text.slice(start, at + 1))
      }
    }
    throw this.#unexpected()
  }

  #atom(): Value {
    NUMBER.lastIndex = this.#at
    const [number] = NUMBER.exec(this.#text) ?? []
    if (number !== undefined) {
      this.#at += number.length
      return numberOf(number)
    }
    if (this.#tookWord('true')) return true
    if (this.#tookWord('false')) return false
    if (this.#tookWord('null')) return null
    if (this.#tookWord(EMPTY_SET)) return new Set()
    throw this.#unexpected()
  }

  /** The next character that is no space; NaN at the end. */
  #peek(): number {
    while (this.#text.charCodeAt(this.#at) <= SPACE) this.#at++
    return this.#text.charCodeAt(this.#at)
  }

  #took(unit: number): boolean {
    if (this.#peek() !== unit) return false
    this.#at++
    return true
  }

  #take(unit: number): void {
    if (!this.#took(unit)) throw this.#unexpected()
  }

  #tookWord(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false
    this.#at += word.length
    return true
  }

  #unexpected(): SyntaxError {
    return new SyntaxError(`a text of ${this.#text.length} characters is no value at ${this.#at}`)
  }
}

/** Modules write members as their hash tables have them; where that is Rego's order, it is cheap. */
function sortedSet(members: readonly Value[]): RegoSet {
  return isAscending(members) ? new Set(members) : setOf(members)
}

function sortedObject(entries: readonly (readonly [Value, Value])[]): RegoObject {
  return isAscending(entries.map(([key]) => key)) ? new Map(entries) : objectOf(entries)
}

function isAscending(values: readonly Value[]): boolean {
  for (let at = 1; at < values.length; at++) {
    if (compare(values[at - 1] as Value, values[at] as Value) >= 0) return false
  }
  return true
}

function orEnd(text: string, found: string, from: number): number {
  const at = text.indexOf(found, from)
  return at < 0 ? text.length : at
}
