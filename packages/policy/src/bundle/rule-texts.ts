import { pathOfRule } from '../labels/heads.ts'
import { statementsOf } from '../rule-index/statements.ts'
import { NotReadable, type Token, tokensOf } from '../rule-index/tokens.ts'
import type { BundleFiles } from './archive.ts'
import { packageOf } from './content-roots.ts'
import { REGO } from './names.ts'

const NO_RULES: readonly (string | undefined)[] = ['package', 'import']

/**
 * The text of each rule, without comments and blanks that mean nothing: the rules of one name in
 * one file together, since together they say what the name is.
 *
 *     data.shop.allow (shop.rego)
 */
export function rulesOf(files: BundleFiles): ReadonlyMap<string, string> {
  const rules = new Map<string, string>()
  for (const [file, bytes] of files) {
    if (!REGO.test(file)) continue
    const prefix = ['data', ...packageOf(file, bytes)].join('.')
    for (const [name, text] of rulesIn(Buffer.from(bytes).toString('utf8'))) {
      const rule = name === '' ? `${prefix} (${file})` : `${prefix}.${name} (${file})`
      rules.set(rule, (rules.get(rule) ?? '') + text)
    }
  }
  return rules
}

/** In their order; a source that is not understood as a whole, under no name. */
function rulesIn(source: string): readonly (readonly [name: string, text: string])[] {
  try {
    return statementsOf(source, tokensOf(source)).map((statement) => {
      const { tokens } = statement
      const [first, second] = tokens
      const text = `${textOf(tokens)}\n`
      if (NO_RULES.includes(first?.text)) return ['', text]
      if (first?.text === 'default') return [second?.text ?? '', text]
      return [pathOfRule(statement)?.join('.') ?? first?.text ?? '', text]
    })
  } catch (error) {
    if (!(error instanceof NotReadable)) throw error
    return [['', source]]
  }
}

/** Where a line ends matters to Rego, how far something is indented does not. */
function textOf(tokens: readonly Token[]): string {
  return tokens.map(({ before, text }) => before + text).join('')
}
