import { TABLES_ROOT } from '../rule-index/report.ts'
import type { SourceFile } from '../sources.ts'
import type { PackageFile } from './package-files.ts'

/**
 * The modules of rules that were moved: one for each file that such rules are from, with the
 * imports of that file, and with imports of the rules that are siblings of theirs no more.
 */
export class GeneratedModules {
  readonly #texts = new Map<PackageFile | undefined, string[]>()

  /** Adds rules as text; `file` is where their names are known, unless they have none. */
  readonly put = (text: string, file: PackageFile | undefined): void => {
    const texts = this.#texts.get(file)
    if (texts === undefined) this.#texts.set(file, [text])
    else texts.push(text)
  }

  files(): SourceFile[] {
    return [...this.#texts].map(([file, texts], at) => {
      const body = `${texts.join('\n\n')}\n`
      const clauses = [`package ${TABLES_ROOT}`, ...(file ? importsOf(file, body) : [])]
      const bytes = Buffer.from(`${clauses.join('\n')}\n\n${body}`)
      return { path: `${TABLES_ROOT}_${at}.rego`, bytes }
    })
  }
}

function importsOf(file: PackageFile, text: string): string[] {
  // What stands in a string only is imported for nothing, which changes nothing.
  const words = new Set(text.match(/[A-Za-z_]\w*/g))
  const named = [...file.siblings].filter((name) => words.has(name))
  return [
    file.imports,
    ...named.map((name) => `import ${file.package}[${JSON.stringify(name)}] as ${name}`),
  ]
}
