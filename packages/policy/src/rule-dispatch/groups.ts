import { readSource } from '../rule-index/rule-index.ts'
import { isAnnotatedForOthers, type ParseModule } from '../rule-index/source-index.ts'
import type { Statement } from '../rule-index/statements.ts'
import type { SourceFile } from '../sources.ts'
import { type Candidate, candidateOf } from './candidate.ts'
import { type Form, formKey } from './forms.ts'
import { type PackageFile, packageFilesOf, ruleName } from './package-files.ts'
import { DISPATCH_RULES_MIN } from './tables.ts'
import { unfitness } from './unfitness.ts'

const REGO = /\.rego$/
const TEST = /_test\.rego$/
const NO_RULES = /^(?:default|import|package)$/

/** Rules of one name in one package, in the order of the files. */
export type Group = readonly (readonly [PackageFile, Statement])[]

/**
 * The rules of which there are enough to be split; or why none of the policies may be.
 * @throws {TypeError} where OPA does not read them
 */
export async function groupsOf(
  files: readonly SourceFile[],
  parse: ParseModule,
): Promise<readonly Group[] | string> {
  const rego = files.filter(({ path }) => REGO.test(path))
  const read = rego.map((file) => ({ file, source: readSource(file, []) }))
  const sources = read.map(({ source }) => source).filter((source) => source !== undefined)
  const unread = read.filter(({ source }) => source === undefined).map(({ file }) => file)
  if (sources.flatMap(({ statements }) => statements).length < DISPATCH_RULES_MIN) return []
  const known = await packageFilesOf(sources, unread, parse)
  const groups = byName(known.filter(({ file }) => !TEST.test(file)))
  if (groups.length === 0) return groups
  return unfitness(known, unread) ?? groups
}

function byName(files: readonly PackageFile[]): Group[] {
  const groups = new Map<string, (readonly [PackageFile, Statement])[]>()
  for (const file of files) {
    for (const statement of file.statements) {
      if (NO_RULES.test(statement.tokens[0]?.text ?? '')) continue
      const key = `${file.package} ${ruleName(statement)}`
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [[file, statement]])
      else group.push([file, statement])
    }
  }
  return [...groups.values()].filter(({ length }) => length >= DISPATCH_RULES_MIN)
}

/** Those of the rules that may be dispatched or chained, and how many may not be, by the reason. */
export interface Candidates {
  readonly rules: readonly Candidate[]
  readonly isSet: boolean
  readonly refused: ReadonlyMap<string, number>
}

export function candidatesOf(group: Group, forms: ReadonlyMap<string, Form | string>): Candidates {
  const rules: Candidate[] = []
  const refused = new Map<string, number>()
  let isSet = false
  for (const [file, statement] of group) {
    const form = refusalOf(file, statement) ?? forms.get(formKey(file, statement)) ?? ''
    if (typeof form === 'string') refused.set(form, (refused.get(form) ?? 0) + 1)
    else {
      isSet = form.kind === 'set'
      rules.push(candidateOf(file, statement, form))
    }
  }
  return { rules, isSet, refused }
}

function refusalOf(file: PackageFile, { comments }: Statement): string | undefined {
  if (isAnnotatedForOthers(comments)) return 'its metadata is about more than it'
  // In a module of its own, a name would mean one of them only.
  const both = [...file.imported].find((name) => file.siblings.has(name))
  return both === undefined ? undefined : `\`${both}\` is imported, and a rule of its package`
}
