import { messageOf } from '@verdict/contract'
import type { SourceFile } from '../sources.ts'
import { type FamilyReport, type RuleIndexReport, TABLES_ROOT } from './report.ts'
import { indexSource, type ParseModule, type Source } from './source-index.ts'
import { statementsOf } from './statements.ts'
import type { Table } from './table.ts'
import { NotReadable, tokensOf } from './tokens.ts'
import { unfitness } from './unfitness.ts'

const REGO = /\.rego$/
const TEST = /_test\.rego$/
const NO_RULES = /^(?:default|import|package)$/

export interface RuleIndex {
  /** All sources, with tables as data and rules that look into them; or as they were. */
  readonly files: readonly SourceFile[]
  readonly report: RuleIndexReport
}

/**
 * Puts rules that differ in constants only into tables, which one rule looks into: OPA's modules
 * evaluate every rule, but look a key up at the same cost however many there are. What a rule means
 * does not change; what is not understood stays as it is, and is told. Rules that are better found
 * otherwise are left out, by their file and line.
 */
export async function indexRules(
  files: readonly SourceFile[],
  parse: ParseModule,
  isElsewhere: (place: string) => boolean = () => false,
): Promise<RuleIndex> {
  const leftAlone: { file?: string; why: string }[] = []
  const sources = files
    .map((file) => readSource(file, leftAlone))
    .filter((source) => source !== undefined)
  const rules = sources.reduce((sum, source) => sum + rulesIn(source), 0)
  const unfit = unfitness(files, sources)
  if (unfit !== undefined) {
    leftAlone.push({ why: unfit })
    return { files, report: { rules, indexed: 0, families: [], leftAlone } }
  }
  const families: FamilyReport[] = []
  const tables: Record<string, Table> = {}
  const changed = new Map<string, Uint8Array>()
  for (const source of sources) {
    if (TEST.test(source.file)) continue
    try {
      const indexed = await indexSource(
        indexable(source, isElsewhere),
        parse,
        Object.keys(tables).length,
      )
      families.push(...indexed.families)
      if (Object.keys(indexed.tables).length === 0) continue
      Object.assign(tables, indexed.tables)
      changed.set(source.file, Buffer.from(indexed.source))
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      leftAlone.push({ file: source.file, why: messageOf(error) })
    }
  }
  const indexed = families.reduce((sum, each) => sum + (each.table ? each.rules : 0), 0)
  const report = { rules, indexed, families, leftAlone }
  if (changed.size === 0) return { files, report }
  const data = Buffer.from(JSON.stringify({ [TABLES_ROOT]: tables }))
  const rewritten = files.map((file) => ({ ...file, bytes: changed.get(file.path) ?? file.bytes }))
  return { files: [...rewritten, { path: `${TABLES_ROOT}.json`, bytes: data }], report }
}

/** The statements of a file of Rego; where they are not understood, that is told. */
export function readSource(
  { path, bytes }: SourceFile,
  leftAlone: { file?: string; why: string }[],
): Source | undefined {
  if (!REGO.test(path)) return undefined
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return { file: path, text, statements: statementsOf(text, tokensOf(text)) }
  } catch (error) {
    if (!(error instanceof NotReadable || error instanceof TypeError)) throw error
    leftAlone.push({ file: path, why: messageOf(error) })
    return undefined
  }
}

/** Without the rules that are better found otherwise: they stay in the text. */
function indexable(source: Source, isElsewhere: (place: string) => boolean): Source {
  const { file, statements } = source
  return { ...source, statements: statements.filter(({ line }) => !isElsewhere(`${file}:${line}`)) }
}

function rulesIn({ file, statements }: Source): number {
  if (TEST.test(file)) return 0
  return statements.filter(({ tokens }) => !NO_RULES.test(tokens[0]?.text ?? '')).length
}
