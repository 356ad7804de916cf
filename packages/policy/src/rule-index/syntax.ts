/** OPA's parsed form, as far as it is read here. */
export interface Term {
  readonly type: string
  /** Terms of a reference, call, array or set; pairs of an object; else a value of JSON. */
  readonly value: unknown
}

export interface Expression {
  /** An operator and its operands; one term; or a declaration. */
  readonly terms: readonly Term[] | Term
  readonly negated?: boolean
  readonly with?: readonly unknown[]
}

export interface Rule {
  readonly head: {
    readonly ref?: readonly Term[]
    readonly args?: readonly Term[]
    readonly key?: Term
    readonly value?: Term
  }
  readonly body?: readonly Expression[]
  readonly default?: boolean
  readonly else?: unknown
}

export interface Module {
  readonly package?: { readonly path: readonly Term[] }
  readonly imports?: readonly { readonly path: Term; readonly alias?: string }[]
  readonly rules?: readonly Rule[]
}

/** A condition that calls a built-in with operands. */
export interface Call {
  readonly name: string
  readonly operands: readonly Term[]
}

/** What an expression calls; undefined where it is a declaration or a term. */
export function callOf({ terms }: Expression): Call | undefined {
  if (!Array.isArray(terms)) return undefined
  const [operator, ...operands] = terms as readonly Term[]
  const name = operator === undefined ? undefined : nameOf(operator)
  return name === undefined ? undefined : { name, operands }
}

/** The terms within a reference, call, array or set. */
export function partsOf({ value }: Term): readonly Term[] {
  return Array.isArray(value) ? (value as readonly Term[]) : []
}

/** The variable that a reference begins with, or that a term is. */
export function headOf(term: Term): string | undefined {
  const first = term.type === 'ref' ? partsOf(term)[0] : term
  return first?.type === 'var' ? String(first.value) : undefined
}

function nameOf(operator: Term): string | undefined {
  if (operator.type !== 'ref') return undefined
  return partsOf(operator)
    .map(({ value }) => String(value))
    .join('.')
}

const JSON_SCALARS = new Set(['string', 'number', 'boolean', 'null'])

/**
 * Rego of a reference, a variable or a call of them; undefined of anything else. Strings are asked
 * for by what they are in the parsed form.
 */
export function regoOf(term: Term, scalar: (value: unknown) => unknown): string | undefined {
  if (JSON_SCALARS.has(term.type)) return JSON.stringify(scalar(term.value))
  if (term.type === 'var') return String(term.value).startsWith('$') ? '_' : String(term.value)
  const [first, ...others] = partsOf(term)
  if (first === undefined || (term.type !== 'ref' && term.type !== 'call')) return undefined
  const parts = others.map((part) => regoOf(part, scalar))
  if (parts.includes(undefined)) return undefined
  if (term.type === 'call') {
    const name = nameOf(first)
    // What is internal has another form in Rego.
    if (name === undefined || name.startsWith('internal.')) return undefined
    return `${name}(${parts.join(', ')})`
  }
  const head = regoOf(first, scalar)
  return head === undefined ? undefined : head + parts.map((part) => `[${part}]`).join('')
}

/** Whether terms differ in nothing for every input: no variable in it but the one it begins with. */
export function isPlainReference(term: Term): boolean {
  if (term.type !== 'ref') return false
  return partsOf(term)
    .slice(1)
    .every(({ type, value }) => JSON_SCALARS.has(type) || String(value).startsWith('$'))
}

/** All variables that a parsed form names. */
export function* variablesOf(node: unknown): Generator<string> {
  if (Array.isArray(node)) for (const each of node) yield* variablesOf(each)
  else if (typeof node === 'object' && node !== null) {
    const { type, value } = node as Partial<Term>
    if (type === 'var') yield String(value)
    else for (const each of Object.values(node)) yield* variablesOf(each)
  }
}
