import { type Condition, markedConstant, type Pattern } from './pattern.ts'
import { callOf, headOf, isPlainReference, partsOf, regoOf, type Term } from './syntax.ts'
import type { Constant } from './tokens.ts'

/** The constants of one rule, by their place in its text. */
export type Row = readonly Constant[]

/** A condition of a family of rules by which a table can be looked into. */
export interface Key {
  readonly condition: Condition
  readonly kind: 'equal' | 'element' | 'member' | 'prefix' | 'suffix' | 'glob'
  /** Rego of what is looked up. */
  readonly subject: string
  /** Under which strings a rule is found, of which any will do. */
  readonly under: (row: Row) => readonly string[]
  /** Whether what is found fulfils the condition; else it may, and is asked still. */
  readonly decides: boolean
  /** Whether the subject means the same at any place of the body. */
  readonly anywhere: boolean
}

/** What is the same in all rules of a family. */
export interface Common {
  readonly pattern: Pattern
  /** The constants that differ between the rules. */
  readonly columns: ReadonlySet<number>
  readonly first: Row
  /** Names that stand for a part of the input. */
  readonly aliases: ReadonlySet<string>
}

/** The keys that a condition gives, best first. */
export function keysOf(condition: Condition, common: Common): Key[] {
  const { expression } = condition
  const call = callOf(expression)
  if (call === undefined || expression.negated) return []
  const [a, b, c] = call.operands
  if (a === undefined || b === undefined) return []
  const key = keyMaker(condition, common)
  switch (call.name) {
    case 'equal':
    case 'eq':
      return [...equalities(key, common, a, b), ...equalities(key, common, b, a)].filter(
        // `x = "a"` may be what gives `x` its value.
        ({ kind }) => kind === 'element' || call.name === 'equal' || ![a, b].some(isVariable),
      )
    case 'internal.member_2':
      return memberships(key, a, b)
    case 'startswith':
      return key('prefix', a, [b], (text) => text)
    case 'endswith':
      return key('suffix', a, [b], reversed)
    case 'glob.match':
      return c === undefined ? [] : key('glob', c, [a], literalPrefix)
    default:
      return []
  }
}

type MakeKey = ReturnType<typeof keyMaker>

function keyMaker(condition: Condition, { pattern, columns, first, aliases }: Common) {
  return (
    kind: Key['kind'],
    term: Term,
    constants: readonly Term[],
    textOf: (constant: string) => string,
    within = '',
  ): Key[] => {
    const places = constants.map((constant) => columnOf(constant))
    if (!places.some((place) => place !== undefined && columns.has(place))) return []
    if (places.some((place) => place === undefined || typeof first[place] !== 'string')) return []
    const subject = regoOf(term, (value) => {
      const place = markedConstant(value)
      // Larger numbers are not what they were in the source.
      if (typeof value === 'number' && !Number.isSafeInteger(value)) return undefined
      if (place === undefined) return value
      // What differs from rule to rule cannot be what is looked up.
      return columns.has(place) ? undefined : first[place]
    })
    if (subject === undefined) return []
    const head = headOf(term) ?? ''
    const known = head === 'input' || (aliases.has(head) && !bareVariables(pattern).has(head))
    return [
      {
        condition,
        kind,
        subject: subject + within,
        under: (row) => [...new Set(places.map((place) => textOf(String(row[place as number]))))],
        decides: kind !== 'element' && kind !== 'glob',
        anywhere: known && isPlainReference(term),
      },
    ]
  }
}

function equalities(key: MakeKey, { columns }: Common, term: Term, other: Term): Key[] {
  if (other.type === 'string') return key('equal', term, [other], (text) => text)
  if (other.type !== 'array' || !isPlainReference(term)) return []
  return partsOf(other).flatMap((element, at) => {
    const place = columnOf(element)
    if (place === undefined || !columns.has(place)) return []
    return key('element', term, [element], (text) => text, `[${at}]`)
  })
}

function memberships(key: MakeKey, element: Term, collection: Term): Key[] {
  if (element.type === 'string') return key('member', collection, [element], (text) => text)
  if (collection.type !== 'array' && collection.type !== 'set') return []
  return key('equal', element, partsOf(collection), (text) => text)
}

function columnOf({ type, value }: Term): number | undefined {
  return type === 'string' ? markedConstant(value) : undefined
}

function isVariable({ type }: Term): boolean {
  return type === 'var'
}

/** Variables that stand somewhere by themselves: where one is declared, it does. */
export function bareVariables({ rule }: Pick<Pattern, 'rule'>): Set<string> {
  const found = new Set<string>()
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    if (Array.isArray(node)) {
      for (const each of node) visit(each)
      return
    }
    const { type, value } = node as Partial<Term>
    if (type === 'var') found.add(String(value))
    else if (type === 'ref' && Array.isArray(value)) visit(value.slice(1))
    else for (const each of Object.values(node)) visit(each)
  }
  visit(rule)
  return found
}

function reversed(text: string): string {
  return [...text].reverse().join('')
}

/** What a text begins with that a glob matches: as far as nothing in it can mean something else. */
function literalPrefix(glob: string): string {
  return /^[\w/.:@~ =&%+;$-]*/.exec(glob)?.[0] ?? ''
}
