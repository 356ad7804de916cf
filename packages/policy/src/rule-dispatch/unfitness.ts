import type { SourceFile } from '../sources.ts'
import { INTEGER_TEXT } from './forms.ts'
import type { PackageFile } from './package-files.ts'

const TEST = /_test\.rego$/
const WITH_MORE = /\bwith\b(?!\s+input\b)/

/**
 * Why no rule may be found by a lookup: OPA calls what a lookup leads to without the functions that
 * `with` puts in the place of others; or something else has the name of what a lookup calls.
 */
export function unfitness(
  files: readonly PackageFile[],
  unread: readonly SourceFile[],
): string | undefined {
  const doubtful = unread.find(
    ({ path, bytes }) => !TEST.test(path) && WITH_MORE.test(Buffer.from(bytes).toString('latin1')),
  )
  if (doubtful !== undefined) return `\`${doubtful.path}\` may use \`with\` on more than the input`
  for (const { file, statements, siblings, imported } of files) {
    if (siblings.has(INTEGER_TEXT) || imported.has(INTEGER_TEXT)) {
      return `\`${file}\` gives \`${INTEGER_TEXT}\` another meaning`
    }
    if (TEST.test(file)) continue
    for (const { tokens, line } of statements) {
      const replaces = tokens.some(
        ({ text }, at) =>
          text === 'with' && tokens[at - 1]?.text !== '.' && tokens[at + 1]?.text !== 'input',
      )
      if (replaces) return `${file}:${line} uses \`with\` on more than the input`
    }
  }
  return undefined
}
