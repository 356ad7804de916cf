import { type BundleDiff, type Changes, diffBundles } from '@verdict/policy'
import { usage } from '../arguments.ts'
import { type CommandContext, defineCommand, ExitCode } from '../command.ts'
import { printable, type Style } from '../terminal.ts'
import { readNamedFile } from './files.ts'

const MARKS = { added: ['+', 'green'], removed: ['-', 'red'], changed: ['~', 'yellow'] } as const

export const diffPolicies = defineCommand({
  name: 'policy diff',
  summary: 'say what changed from one bundle to another',
  description: `
Compares two bundles: entrypoints, roots, rules by their names and files, data by its paths, labels.
Comments and the layout of rules do not count.
`,
  positionals: 'BEFORE AFTER',
  positionalsMax: 2,
  options: {
    json: { kind: 'flag', help: 'print JSON' },
    'exit-code': { kind: 'flag', help: 'end with 1 where something has changed' },
  },
  examples: [
    'verdict policy diff last-week.tar.gz bundle.tar.gz',
    'verdict policy diff last-week.tar.gz bundle.tar.gz --json --exit-code',
  ],
  async run({ json, 'exit-code': exitCode }, [before, after], context) {
    if (before === undefined || after === undefined) {
      throw usage('policy diff', 'two bundles are needed')
    }
    const diff = await diffBundles(await readNamedFile(before), await readNamedFile(after))
    if (json) context.terminal.line(JSON.stringify(diff))
    else print(diff, context)
    return exitCode && !diff.same ? ExitCode.failed : ExitCode.ok
  },
})

function print(diff: BundleDiff, { terminal }: CommandContext): void {
  for (const fact of ['revision', 'serial', 'digest'] as const) {
    const [before = 'none', after = 'none'] = [diff.before[fact], diff.after[fact]]
    const text = before === after ? `${before}` : `${before} → ${after}`
    terminal.line(`${fact.padEnd(8)}  ${printable(text)}`)
  }
  if (diff.same) terminal.line('nothing that decides has changed')
  for (const part of ['entrypoints', 'roots', 'rules', 'data', 'labels'] as const) {
    const rows = rowsOf(diff[part], (style, text) => terminal.paint(style, text))
    if (rows.length === 0) continue
    terminal.line(`${part}:`)
    for (const row of rows) terminal.line(row)
  }
  if (diff.data.more > 0) terminal.line(`  and ${diff.data.more} more changes of data`)
}

function rowsOf(changes: Changes, paint: (style: Style, text: string) => string): string[] {
  return (['added', 'removed', 'changed'] as const).flatMap((kind) => {
    const [mark, style] = MARKS[kind]
    return changes[kind].map((name) => paint(style, `  ${mark} ${printable(name || 'all data')}`))
  })
}
