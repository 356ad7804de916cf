import { pathOfPackage } from '../labels/heads.ts'
import type { ParseModule, Source } from '../rule-index/source-index.ts'
import type { Statement } from '../rule-index/statements.ts'
import { constantOf } from '../rule-index/tokens.ts'
import type { SourceFile } from '../sources.ts'

/** A file of rules, and what its rules can name. */
export interface PackageFile extends Source {
  /** Rego of the path of its package. */
  readonly package: string
  /** Its imports, as they are written. */
  readonly imports: string
  /** The names that the imports give. */
  readonly imported: ReadonlySet<string>
  /** The names of all rules of its package, in whatever file they are. */
  readonly siblings: ReadonlySet<string>
}

/**
 * Tells of each file which names its rules can use. Files that are not understood here OPA is asked
 * about, for the names of their rules.
 * @throws {TypeError} where the package of a file remains unknown
 */
export async function packageFilesOf(
  sources: readonly Source[],
  others: readonly SourceFile[],
  parse: ParseModule,
): Promise<PackageFile[]> {
  const names = new Map<string, Set<string>>()
  const namesOf = (path: readonly string[]): Set<string> => {
    const key = regoPath(path)
    const known = names.get(key) ?? new Set()
    names.set(key, known)
    return known
  }
  for (const { path, bytes } of others) {
    const { package: clause, rules = [] } = await parse(Buffer.from(bytes).toString('utf8'))
    if (clause === undefined) throw new TypeError(`\`${path}\` has no package`)
    const own = namesOf(clause.path.slice(1).map(({ value }) => String(value)))
    for (const { head } of rules) own.add(String(head.ref?.[0]?.value))
  }
  const files = sources.map((source) => {
    const [clause, ...statements] = source.statements
    const path = clause && pathOfPackage(clause)
    if (path === undefined) throw new TypeError(`\`${source.file}\` has no package`)
    const imports = statements.filter(isImport)
    const siblings = namesOf(path)
    for (const statement of statements) {
      if (!isImport(statement)) siblings.add(ruleName(statement))
    }
    return {
      ...source,
      package: regoPath(path),
      imports: imports.map(({ start, end }) => source.text.slice(start, end)).join('\n'),
      imported: new Set(imports.map(importedName)),
      siblings,
    }
  })
  return files
}

function regoPath(path: readonly string[]): string {
  return `data${path.map((name) => `[${JSON.stringify(name)}]`).join('')}`
}

function isImport({ tokens }: Statement): boolean {
  return tokens[0]?.text === 'import'
}

/** The name that a rule defines, or the first of its path. */
export function ruleName({ tokens }: Statement): string {
  return (tokens[0]?.text === 'default' ? tokens[1] : tokens[0])?.text ?? ''
}

function importedName({ tokens }: Statement): string {
  const last = tokens.at(-1)
  const inBrackets = last?.text === ']' ? tokens.at(-2) : undefined
  return inBrackets === undefined ? (last?.text ?? '') : String(constantOf(inBrackets))
}
