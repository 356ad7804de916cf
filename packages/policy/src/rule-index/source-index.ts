import { FAMILY_RULES_MIN, familyOf } from './family.ts'
import { markedText, type Pattern, patternOf } from './pattern.ts'
import type { FamilyReport } from './report.ts'
import { ruleOf } from './rewrite.ts'
import type { Statement } from './statements.ts'
import type { Module, Rule } from './syntax.ts'
import { type Table, tableOf } from './table.ts'

/** Of each file, so many forms of rules are looked at, those of most rules first. */
const FORMS_MAX = 1_000
const NO_RULES = new Set(['default', 'import', 'package'])

/** Asks OPA for the parsed form of a module. */
export type ParseModule = (rego: string) => Promise<Module>

export interface IndexedSource {
  /** The source without the rules that are in tables, and with the rules that look into them. */
  readonly source: string
  readonly tables: Readonly<Record<string, Table>>
  readonly families: readonly FamilyReport[]
}

/** One file of rules. */
export interface Source {
  readonly file: string
  readonly text: string
  readonly statements: readonly Statement[]
}

/**
 * Puts the rules of a file that differ in constants only into tables.
 * @throws {TypeError} where OPA does not read the rules as they are told apart here
 */
export async function indexSource(
  { file, text, statements }: Source,
  parse: ParseModule,
  firstTable: number,
): Promise<IndexedSource> {
  const forms = formsOf(statements)
  const patterns = await parsedForms(forms, statements, parse)
  const aliases = aliasesOf(statements)
  const families: FamilyReport[] = []
  const tables: Record<string, Table> = {}
  const replaced: Statement[] = []
  const added: string[] = []
  for (const [at, form] of forms.entries()) {
    const pattern = patterns[at]
    if (pattern === undefined) continue
    for (const rules of sameFixed(form, pattern)) {
      const facts = { file, line: rules[0]?.line ?? 0, rule: nameOf(form), rules: rules.length }
      const family =
        typeof pattern === 'string'
          ? pattern
          : (worthwhile(rules) ?? familyOf(pattern, rules, aliases))
      if (typeof family === 'string') {
        families.push({ ...facts, why: family })
        continue
      }
      const name = `t${firstTable + Object.keys(tables).length}`
      const { table, single } = tableOf(family)
      tables[name] = table
      for (const rule of rules) replaced.push(rule)
      added.push(ruleOf(family, name, single))
      families.push({
        ...facts,
        table: {
          name,
          by: family.keys.map(({ kind, subject }) => `${kind} ${subject}`),
          columns: family.rest.length,
          rowsTogetherMax: family.rowsTogetherMax,
        },
      })
    }
  }
  return { source: `${without(text, replaced)}\n${added.join('\n')}`, tables, families }
}

/** Rules that may be a family, by their form. */
function formsOf(statements: readonly Statement[]): (readonly Statement[])[] {
  const rules = statements.filter(
    ({ tokens, comments }) =>
      !NO_RULES.has(tokens[0]?.text ?? '') && !isAnnotatedForOthers(comments),
  )
  return [...Map.groupBy(rules, ({ shape }) => shape).values()]
    .filter(({ length }) => length >= FAMILY_RULES_MIN)
    .sort((a, b) => b.length - a.length)
    .slice(0, FORMS_MAX)
}

/** Metadata that is about more than the rule it is at, or that the compiler acts on. */
export function isAnnotatedForOthers(comments: Statement['comments']): boolean {
  const text = comments.map((comment) => comment.text).join('\n')
  return /METADATA/.test(text) && /\b(?:scope|entrypoint|schemas)\b/.test(text)
}

async function parsedForms(
  forms: readonly (readonly Statement[])[],
  statements: readonly Statement[],
  parse: ParseModule,
): Promise<(Pattern | string)[]> {
  if (forms.length === 0) return []
  const heads = statements.filter(({ tokens }) =>
    /^(?:package|import)$/.test(tokens[0]?.text ?? ''),
  )
  const firsts = forms.map(([first]) => first as Statement)
  const module = await parse(`${[...heads.map(plainText), ...firsts.map(markedText)].join('\n')}\n`)
  const rules = module.rules ?? []
  if (rules.length !== firsts.length) throw new TypeError('its rules are not told apart')
  return firsts.map((first, at) => patternOf(first, rules[at] as Rule))
}

function plainText({ tokens }: Statement): string {
  return tokens.reduce((text, token) => text + (text === '' ? '' : token.before) + token.text, '')
}

/** Rules that have the same constants where these cannot be looked up. */
function sameFixed(
  rules: readonly Statement[],
  pattern: Pattern | string,
): (readonly Statement[])[] {
  if (typeof pattern === 'string' || pattern.fixed.size === 0) return [rules]
  const fixed = [...pattern.fixed]
  const groups = Map.groupBy(rules, ({ constants }) =>
    JSON.stringify(fixed.map((place) => constants[place])),
  )
  return [...groups.values()]
}

function worthwhile(rules: readonly Statement[]): string | undefined {
  return rules.length < FAMILY_RULES_MIN ? 'they are too few' : undefined
}

/** The names that a file gives to parts of the input. */
function aliasesOf(statements: readonly Statement[]): Set<string> {
  const aliases = new Set<string>()
  for (const { tokens } of statements) {
    const words = tokens.map(({ text }) => text)
    if (words[0] === 'import' && words[1] === 'input') aliases.add(words.at(-1) ?? '')
  }
  return aliases
}

function nameOf(form: readonly Statement[]): string {
  return form[0]?.tokens[0]?.text ?? ''
}

/** The text without these rules and the comments before them; what stays keeps its line. */
export function without(text: string, rules: readonly Statement[]): string {
  const gone = rules
    .flatMap(({ comments, start, end }) => [
      ...comments.map((comment) => ({
        start: comment.start,
        end: comment.start + comment.text.length,
      })),
      { start, end },
    ])
    .sort((a, b) => a.start - b.start)
  let kept = ''
  let at = 0
  for (const { start, end } of gone) {
    if (end <= at) continue
    kept += text.slice(at, start) + text.slice(start, end).replaceAll(/[^\n]/g, '')
    at = end
  }
  return kept + text.slice(at)
}
