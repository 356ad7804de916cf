import type { ParseModule, Source } from '../rule-index/source-index.ts'
import type { Statement } from '../rule-index/statements.ts'
import type { Rule } from '../rule-index/syntax.ts'
import type { RuleLabels } from './annotations.ts'
import { type Insertion, pathOfPackage, pathOfRule, tellingOf } from './heads.ts'
import { HELD } from './held.ts'

const NO_RULES = new Set(['import', 'package'])

/** A rule that tells when it holds. */
export interface LabelledRule {
  readonly line: number
  readonly endLine: number
  /** What comes into the text for it. */
  readonly insertions: readonly Insertion[]
}

/** A file of rules, and those that have labels. */
export interface LabelledFile {
  readonly file: string
  readonly text: string
  readonly rules: readonly LabelledRule[]
  readonly leftAlone: readonly { readonly line: number; readonly why: string }[]
}

/**
 * Finds the rules of a file that have labels.
 * @throws {TypeError} where OPA does not read the rules as they are told apart here
 */
export async function labelledFile(
  { file, text, statements }: Source,
  labels: RuleLabels,
  numberOf: (label: string) => number,
  parse: ParseModule,
): Promise<LabelledFile> {
  const packagePath = statements[0] && pathOfPackage(statements[0])
  const found: { readonly statement: Statement; readonly insertions: readonly Insertion[] }[] = []
  const leftAlone: { line: number; why: string }[] = []
  for (const statement of statements) {
    const { line, tokens } = statement
    if (NO_RULES.has(tokens[0]?.text ?? '')) continue
    const path = pathOfRule(statement)
    const whole = packagePath && path && [...packagePath, ...path]
    const label = labels.of(file, line, whole)
    if (label === undefined) continue
    const insertions = tellingOf(statement, numberOf(label))
    if (typeof insertions === 'string') leftAlone.push({ line, why: insertions })
    else found.push({ statement, insertions })
  }
  const forms = [...Map.groupBy(found, ({ statement }) => statement.shape).values()]
  const firsts = forms.map(([first]) => first as (typeof found)[number])
  await verify(text, statements, firsts, parse)
  const rules = found.map(({ statement, insertions }) => ({
    line: statement.line,
    endLine: statement.line + lineEnds(text.slice(statement.start, statement.end)),
    insertions,
  }))
  return { file, text, rules, leftAlone }
}

/** The text of a file in which its rules tell when they hold. */
export function edited({ text, rules }: Pick<LabelledFile, 'text' | 'rules'>): string {
  return withInsertions(
    text,
    rules.flatMap(({ insertions }) => insertions),
  )
}

/** Asks OPA whether rules of each form are, but for the calls, what they were. */
async function verify(
  text: string,
  statements: readonly Statement[],
  rules: readonly { readonly statement: Statement; readonly insertions: readonly Insertion[] }[],
  parse: ParseModule,
): Promise<void> {
  if (rules.length === 0) return
  const clauses = statements.filter(({ tokens }) => NO_RULES.has(tokens[0]?.text ?? ''))
  const textOf = ({ start, end }: Statement): string => text.slice(start, end)
  const before = rules.map(({ statement }) => textOf(statement))
  const after = rules.map(({ statement, insertions }) =>
    withInsertions(
      textOf(statement),
      insertions.map((each) => ({ ...each, at: each.at - statement.start })),
    ),
  )
  const all = [...clauses.map(textOf), ...before, ...after]
  const { rules: parsed = [] } = await parse(`${all.join('\n')}\n`)
  const half = parsed.length / 2
  const same = parsed.slice(0, half).every((rule, at) => {
    const labelled = parsed[half + at]
    return labelled !== undefined && formOf(rule) === formOf(withoutCalls(labelled))
  })
  if (half < rules.length || !same) throw new TypeError('its rules are not told apart')
}

/** The rule without the calls around the values of its heads. */
function withoutCalls(rule: Rule): Rule {
  const { head, else: next } = rule
  const { key, value } = head
  return {
    ...rule,
    head: {
      ...head,
      ...(key && { key: withoutCall(key) }),
      ...(value && { value: withoutCall(value) }),
    },
    ...(next ? { else: withoutCalls(next as Rule) } : undefined),
  }
}

function withoutCall<T extends { readonly type: string; readonly value: unknown }>(term: T): T {
  if (term.type !== 'call' || !Array.isArray(term.value)) return term
  const [operator, , value] = term.value as readonly { readonly value: unknown }[]
  const [name] = Array.isArray(operator?.value)
    ? (operator.value as readonly { value: unknown }[])
    : []
  return name?.value === HELD ? (value as T) : term
}

/** Wildcards are numbered on through a module. */
function formOf(rule: Rule): string {
  return JSON.stringify(rule).replaceAll(/"\$\d+"/g, '"$"')
}

/** Offsets go up. */
function withInsertions(text: string, insertions: readonly Insertion[]): string {
  let whole = ''
  let from = 0
  for (const { at, text: added } of insertions) {
    whole += text.slice(from, at) + added
    from = at
  }
  return whole + text.slice(from)
}

function lineEnds(text: string): number {
  return text.split('\n').length - 1
}
