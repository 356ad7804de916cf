import type { SourceFile } from '../sources.ts'
import { TABLES_ROOT } from './report.ts'
import type { Source } from './source-index.ts'
import type { Statement } from './statements.ts'

const REGO = /\.rego$/
/** Of a file that is not understood: what may be one of the things that are looked for below. */
const DOUBTFUL = /\bdata\b(?!\.)|metadata|\bsubstring\b|\bstrings\b/
/** What follows the built-ins that a table's rule calls, where a source calls them too. */
const CALLED: Readonly<Record<string, string>> = { substring: '(', strings: '.' }

/**
 * Why no rule may be put into a table: the policies name the tables, see all data and the tables
 * with it, read what a rule was annotated with, or have something else by the name of a built-in
 * that the rules of tables call.
 */
export function unfitness(
  files: readonly SourceFile[],
  sources: readonly Source[],
): string | undefined {
  const names = files.find(
    ({ path, bytes }) => path.includes(TABLES_ROOT) || Buffer.from(bytes).includes(TABLES_ROOT),
  )
  if (names !== undefined) return `\`${names.path}\` uses the name \`${TABLES_ROOT}\``
  const known = new Set(sources.map(({ file }) => file))
  const doubtful = files.find(
    ({ path, bytes }) =>
      REGO.test(path) && !known.has(path) && DOUBTFUL.test(Buffer.from(bytes).toString('latin1')),
  )
  if (doubtful !== undefined) return `\`${doubtful.path}\` is not understood as a whole`
  for (const { file, statements } of sources) {
    for (const statement of statements) {
      const why = unfitStatement(statement)
      if (why !== undefined) return `${file}:${statement.line} ${why}`
    }
  }
  return undefined
}

function unfitStatement({ tokens }: Statement): string | undefined {
  for (const [at, { kind, text }] of tokens.entries()) {
    if (kind !== 'word') continue
    const next = tokens[at + 1]?.text
    const first = at === 0 || tokens[at - 1]?.text === 'default'
    if (tokens[at - 1]?.text === '.') {
      if (text === 'metadata' && tokens[at - 2]?.text === 'rego') return 'reads metadata of rules'
      const imported = tokens[0]?.text === 'import' && next === undefined
      if (imported && CALLED[text] !== undefined) return `gives \`${text}\` another meaning`
    } else if (text === 'data' && next !== '.') return 'reads all data'
    else if (CALLED[text] !== undefined && (first || next !== CALLED[text])) {
      return `gives \`${text}\` another meaning`
    }
  }
  return undefined
}
