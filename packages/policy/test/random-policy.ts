import type { Random } from '../src/rule-index/generated-rules.ts'

/** How deep an expression may nest. */
const DEPTH_MAX = 3
const RULES = 8
const LITERALS_MAX = 3

/** What the expressions of a rule may name. */
interface Scope {
  /** Whether a body may hold for one value after the other. */
  readonly many: boolean
  /** Names of what is bound before, in this body or around it. */
  readonly bound: readonly string[]
  /** Rules that are defined before: so none depends on itself. */
  readonly rules: readonly string[]
  readonly functions: readonly string[]
}

/** A body's conditions, and what is in scope after them. */
interface Body {
  readonly text: string
  readonly scope: Scope
}

type Make = (scope: Scope, depth: number) => string

/**
 * Random rules of one package, of every kind that the language has, for inputs of `randomInput`.
 * All compile: `id` hides from OPA's checker of types what does not fit, so that it is undefined
 * where it is evaluated instead. `answer` holds each rule's value as text, which tells a set from an
 * array and `1` from `1.0`; rules without a value are not in it.
 */
export function randomPolicy(random: Random, name: string): string {
  const writer = new PolicyWriter(random)
  const { rules, texts } = writer.rules()
  const answers = rules.map((rule) => `answer["${rule}"] := sprintf("%v", [[id(${rule})]])`)
  return [`package ${name}`, 'id(x) := x', ...texts, ...answers].join('\n\n').concat('\n')
}

/** What such policies are asked about: objects whose keys they know, some of them absent. */
export function randomInput(random: Random): Record<string, unknown> {
  const value = (depth: number): unknown => {
    const kind = random(depth > 0 ? 9 : 6)
    if (kind === 6) return Array.from({ length: random(4) }, () => value(depth - 1))
    if (kind >= 7) return fields(depth - 1)
    return [null, random(2) === 0, random(4), `${'abA'[random(3)]}`, '', -1.5][kind]
  }
  const fields = (depth: number): Record<string, unknown> =>
    Object.fromEntries(
      ['a', 'b', 'c', 'd'].filter(() => random(8) > 0).map((key) => [key, value(depth)]),
    )
  return { ...fields(3), l: Array.from({ length: random(5) }, () => value(1)) }
}

class PolicyWriter {
  readonly #random: Random
  #names = 0

  constructor(random: Random) {
    this.#random = random
  }

  rules(): { rules: string[]; texts: string[] } {
    const texts: string[] = []
    let scope: Scope = { many: true, bound: [], rules: [], functions: [] }
    for (let n = 0; n < RULES; n++) {
      if (n % 4 === 1) {
        const name = `f${n}`
        texts.push(this.#function(name, scope))
        scope = { ...scope, functions: [...scope.functions, name] }
      }
      const name = `r${n}`
      texts.push(this.#rule(name, scope))
      scope = { ...scope, rules: [...scope.rules, name] }
    }
    return { rules: [...scope.rules], texts }
  }

  #rule(name: string, scope: Scope): string {
    const kind = this.#random(8)
    if (kind === 0) return `${name} := ${this.#expression(scope, 2)}`
    if (kind === 1) return this.#several(() => this.#headed(scope, () => name))
    if (kind === 2) {
      return `default ${name} := ${this.#scalar()}\n\n${this.#valued(name, scope)}`
    }
    if (kind === 3) return this.#elseChain(name, scope)
    if (kind <= 5) {
      const head = (inner: Scope) => `${name} contains ${this.#expression(inner, 1)}`
      return this.#several(() => this.#headed(scope, head))
    }
    const key = () => (this.#random(2) === 0 ? `"${this.#key()}"` : undefined)
    const head = (inner: Scope) => {
      const fixed = key()
      const index = fixed ?? this.#expression(inner, 0)
      return `${name}[${index}] := ${this.#expression(inner, 1)}`
    }
    return this.#several(() => this.#headed(scope, head))
  }

  /** One value, or a conflict where two bodies hold: OPA calls it an error, and so must we. */
  #valued(name: string, scope: Scope): string {
    return this.#headed(scope, (inner) => `${name} := ${this.#expression(inner, 1)}`)
  }

  #elseChain(name: string, scope: Scope): string {
    let text = this.#valued(name, scope)
    for (let n = this.#random(3); n >= 0; n--) {
      const { text: body, scope: inner } = this.#body(scope)
      text += ` else := ${this.#expression(inner, 1)} if {\n${body}\n}`
    }
    return text
  }

  #function(name: string, scope: Scope): string {
    // A function of two values is a conflict, which OPA's interpreter does not always come to see.
    const inner: Scope = { ...scope, many: false, bound: ['x', 'y'] }
    const fallback = this.#random(3) === 0 ? `default ${name}(_, _) := ${this.#scalar()}\n\n` : ''
    if (this.#random(2) === 0) return fallback + this.#elseChain(`${name}(x, y)`, inner)
    if (this.#random(2) === 0) return fallback + this.#valued(`${name}(x, y)`, inner)
    return fallback + this.#valued(`${name}(x, "a")`, { ...inner, bound: ['x'] })
  }

  #several(make: () => string): string {
    return Array.from({ length: 1 + this.#random(3) }, make).join('\n\n')
  }

  #headed(scope: Scope, head: (inner: Scope) => string): string {
    const { text, scope: inner } = this.#body(scope)
    return `${head(inner)} if {\n${text}\n}`
  }

  #body(scope: Scope): Body {
    let inner = scope
    const lines: string[] = []
    for (let n = this.#random(LITERALS_MAX); n >= 0; n--) {
      const literal = this.#literal(inner)
      lines.push(`\t${literal.text}`)
      inner = literal.scope
    }
    // OPA refuses variables that nothing uses.
    const own = inner.bound.slice(scope.bound.length)
    if (own.length > 0) lines.push(`\tis_array([${own.join(', ')}])`)
    return { text: lines.join('\n'), scope: inner }
  }

  #literal(scope: Scope): Body {
    const makers: readonly (() => Body)[] = [
      () => ({ text: this.#comparison(scope), scope }),
      () => ({ text: this.#comparison(scope), scope }),
      () => ({ text: `not ${this.#comparison(scope)}`, scope }),
      () => ({ text: `${this.#any(scope, 1)} in ${this.#any(scope, 1)}`, scope }),
      () => this.#binding(scope, (name) => `${name} := ${this.#expression(scope, 2)}`),
      () => this.#binding(scope, (name) => `[${name}, _] = ${this.#pair(scope, '[]')}`),
      () => this.#binding(scope, (name) => `{"a": ${name}, "b": _} = ${this.#pair(scope, '{}')}`),
      () => ({ text: this.#every(scope), scope }),
      () => ({ text: this.#with(scope), scope }),
    ]
    const iterating: readonly (() => Body)[] = [
      () => this.#binding(scope, (name) => `some ${name} in ${this.#many(scope)}`),
      () => this.#binding(scope, (name) => `some ${name}, _ in ${this.#many(scope)}`),
      () => this.#binding(scope, (name) => `input.l[${name}]`),
    ]
    return this.#pick(scope.many ? [...makers, ...iterating] : makers)()
  }

  #binding(scope: Scope, text: (name: string) => string): Body {
    const name = `v${this.#names++}`
    const written = text(name)
    return { text: written, scope: { ...scope, bound: [...scope.bound, name] } }
  }

  #every(scope: Scope): string {
    const name = `v${this.#names++}`
    const inner = { ...scope, bound: [...scope.bound, name] }
    return `every ${name} in ${this.#many(scope)} { ${this.#comparison(inner)}; is_array([${name}]) }`
  }

  #with(scope: Scope): string {
    const [rule] = scope.rules.length > 0 ? [this.#pick(scope.rules)] : ['input.a']
    const target = this.#pick(['input.a', 'input', 'data.d.one'])
    const value = target === 'input' ? `{"${this.#key()}": ${this.#scalar()}}` : this.#scalar()
    return `id(${rule}) == ${this.#any(scope, 0)} with ${target} as ${value}`
  }

  #comparison(scope: Scope): string {
    const left = this.#any(scope, 1)
    const operator = this.#pick(['==', '!=', '!=', '!=', '<', '>='])
    // Most conditions must hold, or no rule has a value.
    const right = operator === '==' && this.#random(2) === 0 ? left : this.#any(scope, 1)
    return `${left} ${operator} ${right}`
  }

  /** What has members, mostly. */
  #many(scope: Scope): string {
    const known = ['input.l', 'input.l', 'data.d.list', 'data.d.map', 'input']
    return this.#random(3) === 0 ? this.#any(scope, 1) : `id(${this.#pick(known)})`
  }

  /** What has two members, mostly. */
  #pair(scope: Scope, kind: '[]' | '{}'): string {
    if (this.#random(3) === 0) return this.#any(scope, 1)
    const [one, two] = [this.#expression(scope, 1), this.#expression(scope, 1)]
    return kind === '[]' ? `id([${one}, ${two}])` : `id({"a": ${one}, "b": ${two}})`
  }

  /** An expression of which OPA's checker knows no type. */
  #any(scope: Scope, depth: number): string {
    return `id(${this.#expression(scope, depth)})`
  }

  #expression(scope: Scope, depth: number): string {
    const simple: readonly Make[] = [
      () => this.#scalar(),
      () => `input.${this.#key()}`,
      () => `input.${this.#key()}.${this.#key()}`,
      () => `input.l[${this.#random(3)}]`,
      () => this.#pick(['data.d.one', 'data.d.list', 'data.d.map', 'data.d.map.a', 'data.none']),
      () => (scope.bound.length > 0 ? this.#pick(scope.bound) : 'input'),
      () => (scope.rules.length > 0 ? `id(${this.#pick(scope.rules)})` : 'input.a'),
    ]
    if (depth <= 0) return this.#pick(simple)(scope, 0)
    const less = Math.min(depth, DEPTH_MAX) - 1
    const composite: readonly Make[] = [
      () => `[${this.#expression(scope, less)}, ${this.#expression(scope, less)}]`,
      () => `{${this.#expression(scope, less)}, ${this.#expression(scope, less)}}`,
      () => `{"a": ${this.#expression(scope, less)}, "b": ${this.#expression(scope, less)}}`,
      () => this.#call(scope, less),
      () => this.#call(scope, less),
      () => this.#comprehension(scope, less),
    ]
    return this.#pick([...simple, ...composite])(scope, less)
  }

  #call(scope: Scope, depth: number): string {
    const any = () => this.#any(scope, depth)
    const own = () => {
      const name = scope.functions.length > 0 ? this.#pick(scope.functions) : undefined
      return name === undefined ? `count(${any()})` : `${name}(${any()}, ${any()})`
    }
    const calls: readonly (() => string)[] = [
      own,
      own,
      () => `count(${any()})`,
      () => `sum(${any()})`,
      () => `max(${any()})`,
      () => `sort(${any()})`,
      () => `(${any()} + ${any()})`,
      () => `(${any()} - ${any()})`,
      () => `(${any()} | ${any()})`,
      () => `(${any()} % ${any()})`,
      () => `object.get(${any()}, ${any()}, ${this.#scalar()})`,
      () => `object.keys(${any()})`,
      () => `array.concat(${any()}, ${any()})`,
      () => `sprintf("%v:%d", [${any()}, ${any()}])`,
      () => `upper(${any()})`,
      () => `startswith(${any()}, ${any()})`,
      () => `to_number(${any()})`,
      () => `type_name(${any()})`,
      () => `json.unmarshal(${any()})`,
      () => `regex.replace(${any()}, "[a-b]", ${any()})`,
      () => `{p: v | walk(${any()}, [p, v])}`,
    ]
    return this.#pick(calls)()
  }

  #comprehension(scope: Scope, depth: number): string {
    const name = `v${this.#names++}`
    const inner = { ...scope, bound: [...scope.bound, name] }
    const each = `some ${name} in ${this.#many(scope)}; ${this.#comparison(inner)}; is_array([${name}])`
    const value = this.#expression(inner, depth)
    return this.#pick([`[${value} | ${each}]`, `{${value} | ${each}}`, `{${name}: 1 | ${each}}`])
  }

  #scalar(): string {
    return this.#pick(['0', '1', '2', '-1.5', '"a"', '"b"', '""', 'true', 'false', 'null', '1e3'])
  }

  #key(): string {
    return this.#pick(['a', 'b', 'c', 'd'])
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random(from.length)] as T
  }
}
