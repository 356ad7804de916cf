import { bareVariables } from '../rule-index/key.ts'
import { markedConstant, markedText } from '../rule-index/pattern.ts'
import type { ParseModule } from '../rule-index/source-index.ts'
import type { Statement } from '../rule-index/statements.ts'
import {
  callOf,
  type Expression,
  headOf,
  type Module,
  partsOf,
  type Rule,
  regoOf,
  type Term,
} from '../rule-index/syntax.ts'
import type { Constant } from '../rule-index/tokens.ts'
import type { PackageFile } from './package-files.ts'

/** So many forms of rules OPA is asked about at once: what it prints of them is bounded. */
const FORMS_PER_PARSE = 500
/** Of a list that a part of the input is looked for in; longer ones are no test. */
const KEYS_MAX = 16

/** The built-in that tells the text of an integer. */
export const INTEGER_TEXT = 'format_int'

type Row = readonly Constant[]
type RowText = (row: Row) => string | undefined

/** What rules have in common that differ in constants only. */
export interface Form {
  readonly kind: 'complete' | 'set'
  readonly hasElse: boolean
  /** What is made of the input, and the texts of which it must be one for the rule to hold. */
  readonly tests: readonly FormTest[]
}

interface FormTest {
  readonly subject: RowText
  readonly keys: readonly RowText[]
}

/** Rules by what their forms depend on: the file's imports, and the text without its constants. */
export function formKey({ imports }: PackageFile, { shape }: Statement): string {
  return `${imports}\0${shape}`
}

/** What OPA says of the forms of rules; of some, why nothing is made of them. */
export async function formsOf(
  rules: Iterable<readonly [PackageFile, Statement]>,
  parse: ParseModule,
): Promise<Map<string, Form | string>> {
  const byImports = new Map<string, Map<string, Statement>>()
  for (const [file, statement] of rules) {
    const known = byImports.get(file.imports) ?? new Map<string, Statement>()
    byImports.set(file.imports, known)
    const key = formKey(file, statement)
    if (!known.has(key)) known.set(key, statement)
  }
  const forms = new Map<string, Form | string>()
  for (const [imports, firsts] of byImports) {
    const entries = [...firsts]
    for (let at = 0; at < entries.length; at += FORMS_PER_PARSE) {
      const batch = entries.slice(at, at + FORMS_PER_PARSE)
      const texts = batch.map(([, statement]) => markedText(statement))
      const module = await parse(`package p\n${imports}\n${texts.join('\n')}\n`)
      const { rules: parsed = [] } = module
      const aliases = aliasesOf(module)
      const isWhole = parsed.length === batch.length
      for (const [index, [key]] of batch.entries()) {
        const rule = isWhole ? parsed[index] : undefined
        forms.set(key, rule ? formOf(rule, aliases) : 'the rules of its file are not told apart')
      }
    }
  }
  return forms
}

type Aliases = ReadonlyMap<string, Term>

function aliasesOf({ imports = [] }: Module): Aliases {
  return new Map(
    imports
      .filter(({ path }) => headOf(path) === 'input')
      .map(({ path, alias }) => [alias ?? String(partsOf(path).at(-1)?.value), path]),
  )
}

function formOf(rule: Rule, aliases: Aliases): Form | string {
  const { head } = rule
  if (head.args !== undefined) return 'it is a function'
  if (head.ref?.length !== 1) return 'the name of its head is a path'
  const bare = bareVariables({ rule })
  const known = new Map([...aliases].filter(([alias]) => !bare.has(alias)))
  const branches: FormTest[][] = []
  for (let next: Rule | undefined = rule; next; next = next.else as Rule | undefined) {
    branches.push((next.body ?? []).flatMap((expression) => testsOf(expression, known)))
  }
  const [first = [], ...others] = branches
  return {
    kind: head.key === undefined ? 'complete' : 'set',
    hasElse: others.length > 0,
    // Where there is an `else`, only what each branch tests.
    tests: others.length > 0 ? commonTests(first, others) : first,
  }
}

/** A rule with `else` may hold where one of its branches may. */
function commonTests(first: readonly FormTest[], others: readonly FormTest[][]): FormTest[] {
  // Without constants in it, what is tested is told by its text alone.
  const none: Row = []
  return first.flatMap((test) => {
    const subject = test.subject(none)
    const same = others.map((tests) => tests.find((each) => each.subject(none) === subject))
    if (subject === undefined || same.includes(undefined)) return []
    return [{ ...test, keys: [...test.keys, ...same.flatMap((each) => each?.keys ?? [])] }]
  })
}

function testsOf(expression: Expression, aliases: Aliases): FormTest[] {
  const call = callOf(expression)
  if (call === undefined || expression.negated || expression.with !== undefined) return []
  const [a, b] = call.operands
  if (a === undefined || b === undefined || call.operands.length !== 2) return []
  switch (call.name) {
    case 'equal':
    case 'eq':
      return [...testOf(a, [b], aliases), ...testOf(b, [a], aliases)]
    case 'internal.member_2':
      return b.type === 'array' || b.type === 'set' ? testOf(a, partsOf(b), aliases) : []
    default:
      return []
  }
}

function testOf(term: Term, constants: readonly Term[], aliases: Aliases): FormTest[] {
  const part = inputPart(term, aliases)
  if (part === undefined || constants.length > KEYS_MAX) return []
  const [type = ''] = new Set(constants.map((constant) => constant.type))
  const keys = constants.map((constant) => keyOf(constant, type))
  if (keys.includes(undefined)) return []
  return [{ subject: SUBJECTS[type]?.(part) ?? part, keys: keys as RowText[] }]
}

/**
 * Numbers are looked up by the text of what is whole in them: whatever is equal to an integer has
 * the same, and what it leads to tests it still.
 */
const SUBJECTS: Readonly<Record<string, (part: RowText) => RowText>> = {
  number: (part) => (row) => {
    const text = part(row)
    return text === undefined ? undefined : `${INTEGER_TEXT}(${text}, 10)`
  },
}

/** The text of a string or of an integer, all of one list being of one type. */
function keyOf({ type, value }: Term, expected: string): RowText | undefined {
  const place = markedConstant(value)
  if (place === undefined || type !== expected) return undefined
  return (row) => (typeof row[place] === type ? String(row[place]) : undefined)
}

const SCALARS = new Set(['string', 'number', 'boolean'])

/** Rego of a part of the input, where its keys are constants. */
function inputPart(term: Term, aliases: Aliases): RowText | undefined {
  if (term.type !== 'ref') return undefined
  const [head, ...keys] = partsOf(term)
  const name = headOf(term) ?? ''
  const path = name === 'input' ? [head as Term] : partsOf(aliases.get(name) ?? term)
  if (headOf({ type: 'ref', value: path }) !== 'input' || keys.length === 0) return undefined
  if (!keys.every(({ type }) => SCALARS.has(type))) return undefined
  const whole: Term = { type: 'ref', value: [...path, ...keys] }
  // Numbers that are no constants here, such as `1.0`, are not what they were in the source.
  const isPlain = keys.every(
    ({ type, value }) => type !== 'number' || markedConstant(value) !== undefined,
  )
  if (!isPlain) return undefined
  return (row) => {
    let isKnown = true
    const text = regoOf(whole, (value) => {
      const place = markedConstant(value)
      if (place === undefined) return value
      isKnown &&= row[place] !== undefined
      return row[place] ?? null
    })
    return isKnown ? text : undefined
  }
}
