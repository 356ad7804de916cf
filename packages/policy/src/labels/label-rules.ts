import { messageOf } from '@verdict/contract'
import { PolicyError, PolicyErrorCode } from '../errors.ts'
import type { Plan } from '../plan/plan.ts'
import type { ParseModule } from '../rule-index/source-index.ts'
import { statementsOf } from '../rule-index/statements.ts'
import { NotReadable, tokensOf } from '../rule-index/tokens.ts'
import type { SourceFile } from '../sources.ts'
import { type Annotation, RuleLabels } from './annotations.ts'
import { HELD } from './held.ts'
import { edited, type LabelledFile, type LabelledRule, labelledFile } from './labelled-file.ts'
import { toldTooEarly } from './order.ts'
import type { LabelsReport } from './report.ts'

const REGO = /\.rego$/
const TEST = /_test\.rego$/
const METADATA = /^#[ \t]*METADATA/m

/** What OPA is asked. */
export interface LabelTools {
  /** All metadata of the policies. */
  readonly inspect: (files: readonly SourceFile[]) => Promise<readonly Annotation[]>
  readonly parse: ParseModule
  /** The plan of sources in which rules tell that they hold. */
  readonly plan: (files: readonly SourceFile[]) => Promise<Plan>
}

export interface LabelledRules {
  /** The sources in which labelled rules tell that they hold; as they were where none does. */
  readonly files: readonly SourceFile[]
  readonly report: LabelsReport
}

/**
 * The policies themselves have passed: it is the labels that OPA cannot compile, or the metadata of
 * so many rules that it cannot all be told.
 */
const UNLABELLED: ReadonlySet<string> = new Set([
  PolicyErrorCode.policyRefused,
  PolicyErrorCode.opaFailed,
])

type LeftAlone = LabelsReport['leftAlone'][number]

/**
 * Makes the rules that metadata names tell when they hold. What a rule means does not change; what
 * is not understood stays as it is, and is told.
 */
export async function labelRules(
  files: readonly SourceFile[],
  tools: LabelTools,
): Promise<LabelledRules> {
  const unlabelled = (...leftAlone: readonly LeftAlone[]): LabelledRules => ({
    files,
    report: { names: [], rules: 0, leftAlone },
  })
  const rego = files.filter(({ path }) => REGO.test(path) && !TEST.test(path))
  if (!rego.some(({ bytes }) => METADATA.test(textOf(bytes)))) return unlabelled()
  const naming = files.find(({ bytes }) => Buffer.from(bytes).includes(HELD))
  if (naming !== undefined)
    return unlabelled({ why: `\`${naming.path}\` uses the name \`${HELD}\`` })
  try {
    const labels = new RuleLabels(await tools.inspect(rego))
    if (labels.size === 0) return unlabelled()
    const leftAlone: LeftAlone[] = []
    const names = new Names()
    const labelled: LabelledFile[] = []
    for (const file of rego) {
      const read = await readFile(file, labels, names, tools.parse)
      if ('why' in read) leftAlone.push({ file: file.path, why: read.why })
      else {
        labelled.push(read)
        leftAlone.push(...read.leftAlone.map((each) => ({ file: file.path, ...each })))
      }
    }
    return await inOrder(files, { labelled, leftAlone, names: names.list }, tools)
  } catch (error) {
    if (!(error instanceof PolicyError && UNLABELLED.has(error.code))) throw error
    return unlabelled({ why: error.message })
  }
}

/** Numbers of labels, by their names. */
class Names {
  readonly #numbers = new Map<string, number>()

  get list(): readonly string[] {
    return [...this.#numbers.keys()]
  }

  readonly numberOf = (name: string): number => {
    const number = this.#numbers.get(name) ?? this.#numbers.size
    this.#numbers.set(name, number)
    return number
  }
}

async function readFile(
  { path, bytes }: SourceFile,
  labels: RuleLabels,
  names: Names,
  parse: ParseModule,
): Promise<LabelledFile | { readonly why: string }> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const source = { file: path, text, statements: statementsOf(text, tokensOf(text)) }
    return await labelledFile(source, labels, names.numberOf, parse)
  } catch (error) {
    if (!(error instanceof NotReadable || error instanceof TypeError)) throw error
    return { why: messageOf(error) }
  }
}

interface Found {
  readonly labelled: readonly LabelledFile[]
  readonly leftAlone: readonly LeftAlone[]
  readonly names: readonly string[]
}

/** Without the labels of rules that would tell before they hold. */
async function inOrder(
  files: readonly SourceFile[],
  { labelled, leftAlone, names }: Found,
  { plan }: LabelTools,
): Promise<LabelledRules> {
  const all = withEdits(files, labelled)
  if (all === files) return { files, report: { names: [], rules: 0, leftAlone } }
  const early = toldTooEarly(await plan(all))
  const why = 'its conditions are not written in the order in which they are asked'
  const isEarly = (file: string, { line, endLine }: LabelledRule): boolean =>
    early.some((place) => place.file === file && place.row >= line && place.row <= endLine)
  const kept = labelled.map((file) => ({
    ...file,
    rules: file.rules.filter((rule) => !isEarly(file.file, rule)),
  }))
  const gone = labelled.flatMap(({ file, rules }) =>
    rules.filter((rule) => isEarly(file, rule)).map(({ line }) => ({ file, line, why })),
  )
  const rules = kept.reduce((sum, file) => sum + file.rules.length, 0)
  const report = { names, rules, leftAlone: [...leftAlone, ...gone] }
  return { files: withEdits(files, kept), report }
}

function withEdits(
  files: readonly SourceFile[],
  labelled: readonly LabelledFile[],
): readonly SourceFile[] {
  const changed = new Map(
    labelled
      .filter(({ rules }) => rules.length > 0)
      .map((file) => [file.file, Buffer.from(edited(file))] as const),
  )
  if (changed.size === 0) return files
  return files.map((file) => ({ ...file, bytes: changed.get(file.path) ?? file.bytes }))
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
