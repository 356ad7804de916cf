import type { Statement } from '../rule-index/statements.ts'
import { constantOf } from '../rule-index/tokens.ts'
import type { Form } from './forms.ts'
import type { PackageFile } from './package-files.ts'

/** A rule that may be found by a lookup, or be asked in turn with others. */
export interface Candidate {
  readonly file: PackageFile
  readonly statement: Statement
  /** Each is a part of the input that must be one of these strings for the rule to hold. */
  readonly tests: readonly Test[]
  /** Where it has one value, by a constant: Rego of the value, and its text from behind `if`. */
  readonly constant?: { readonly value: string; readonly body: string }
}

export interface Test {
  /** Rego of what is tested. */
  readonly subject: string
  readonly keys: readonly string[]
}

export function candidateOf(file: PackageFile, statement: Statement, form: Form): Candidate {
  const tests = form.tests.flatMap((test): Test[] => {
    const subject = test.subject(statement.constants)
    const keys = test.keys.map((key) => key(statement.constants))
    if (subject === undefined || keys.includes(undefined)) return []
    return [{ subject, keys: [...new Set(keys as string[])] }]
  })
  const constant = form.kind === 'set' || form.hasElse ? undefined : constantHead(file, statement)
  return { file, statement, tests, ...(constant && { constant }) }
}

/** The rule under another name. */
export function renamed({ file, statement }: Candidate, name: string): string {
  const { start, end, tokens } = statement
  return name + file.text.slice(start + (tokens[0]?.text.length ?? 0), end)
}

/** Of `allow if …` and `allow := "x" if …`. */
function constantHead({ text }: PackageFile, { tokens, end }: Statement): Candidate['constant'] {
  const [, second, value, third] = tokens
  const body = (condition: typeof second) => text.slice((condition?.start ?? 0) + 'if'.length, end)
  if (second?.text === 'if') return { value: 'true', body: body(second) }
  const assigns = second?.text === ':=' || second?.text === '='
  if (!assigns || third?.text !== 'if' || value === undefined) return undefined
  const constant = value.kind === 'string' ? constantOf(value) : undefined
  if (constant !== undefined) return { value: JSON.stringify(constant), body: body(third) }
  const isScalar = value.kind === 'number' || /^(?:true|false|null)$/.test(value.text)
  return isScalar ? { value: value.text, body: body(third) } : undefined
}
