import { TABLES_ROOT } from '../rule-index/report.ts'
import { type ParseModule, without } from '../rule-index/source-index.ts'
import type { Statement } from '../rule-index/statements.ts'
import type { SourceFile } from '../sources.ts'
import type { Candidate } from './candidate.ts'
import { isTold } from './failures.ts'
import { type Form, formsOf } from './forms.ts'
import { candidatesOf, type Group, groupsOf } from './groups.ts'
import { type PackageFile, ruleName } from './package-files.ts'
import type { DispatchedRules, DispatchReport } from './report.ts'
import { DispatchWriter } from './writer.ts'

export interface RuleDispatch {
  /** All sources, with lookups, chains, and modules of what they lead to; or as they were. */
  readonly files: readonly SourceFile[]
  readonly report: DispatchReport
}

/**
 * Rules of one name that need a part of the input to be some string are found by that string,
 * however else they differ, and rules that give the same constant are asked in turn until one holds.
 * OPA's modules evaluate all of them instead. What the rules mean does not change; what is not
 * understood stays as it is, and is told.
 */
export async function dispatchRules(
  files: readonly SourceFile[],
  parse: ParseModule,
): Promise<RuleDispatch> {
  const nothing = (...leftAlone: DispatchReport['leftAlone']): RuleDispatch => {
    return { files, report: { dispatched: 0, chained: 0, groups: [], leftAlone } }
  }
  try {
    const groups = await groupsOf(files, parse)
    if (typeof groups === 'string') return nothing({ why: groups })
    return rewritten(files, groups, await formsOf(groups.flat(), parse))
  } catch (error) {
    if (!isTold(error)) throw error
    return nothing({ why: error.message })
  }
}

function rewritten(
  files: readonly SourceFile[],
  groups: readonly Group[],
  forms: ReadonlyMap<string, Form | string>,
): RuleDispatch {
  const writer = new DispatchWriter()
  const changes = new Map<PackageFile, { moved: Statement[]; added: string[] }>()
  const changeOf = (file: PackageFile) => {
    const change = changes.get(file) ?? { moved: [], added: [] }
    changes.set(file, change)
    return change
  }
  const told = groups.map((group) =>
    writeGroup(group, forms, writer, {
      put: (text, file) => changeOf(file).added.push(text),
      take: ({ file, statement }) => changeOf(file).moved.push(statement),
    }),
  )
  const sum = (count: (each: DispatchedRules) => number) =>
    told.reduce((all, each) => all + count(each), 0)
  const report: DispatchReport = {
    dispatched: sum(({ tables }) => tables.reduce((all, { rules }) => all + rules, 0)),
    chained: sum(({ chained }) => chained),
    groups: told,
    leftAlone: [],
  }
  if (changes.size === 0) return { files, report }
  const texts = new Map(
    [...changes].map(([{ file, text }, { moved, added }]) => [
      file,
      Buffer.from(`${without(text, moved)}\n${added.join('\n\n')}\n`),
    ]),
  )
  const kept = files.map((file) => ({ ...file, bytes: texts.get(file.path) ?? file.bytes }))
  const keys = Buffer.from(JSON.stringify({ [TABLES_ROOT]: writer.keys }))
  const data = { path: `${TABLES_ROOT}_keys.json`, bytes: keys }
  return { files: [...kept, ...writer.modules.files(), data], report }
}

function writeGroup(
  group: Group,
  forms: ReadonlyMap<string, Form | string>,
  writer: DispatchWriter,
  {
    put,
    take,
  }: { put: (text: string, file: PackageFile) => void; take: (rule: Candidate) => void },
): DispatchedRules {
  const { rules: candidates, isSet, refused } = candidatesOf(group, forms)
  const leftAlone = new Map(refused)
  const [[first, { line }]] = group as [Group[number]]
  const name = ruleName(group[0]?.[1] as Statement)
  const home = candidates[0]?.file ?? first
  const written = writer.write(name, isSet, candidates, (text, file = home) => put(text, file))
  for (const rule of written.moved) take(rule)
  const kept = candidates.length - written.moved.length
  if (kept > 0)
    leftAlone.set('no test splits them, and they are too few of one constant value', kept)
  return {
    file: first.file,
    line,
    rule: name,
    rules: group.length,
    tables: written.tables.map(({ subject, rules, buckets, rulesTogetherMax }) => ({
      by: subject,
      rules,
      keys: buckets.size,
      rulesTogetherMax,
    })),
    chained: written.chained,
    leftAlone: [...leftAlone].map(([why, rules]) => ({ rules, why })),
  }
}
