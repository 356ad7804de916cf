import { setTimeout as delay } from 'node:timers/promises'
import { LINE_FORMATS, type LineFormat, type LoggedDecision } from '@verdict/export'
import { type CommandContext, defineCommand, ExitCode } from '../command.ts'
import { CliError } from '../errors.ts'
import { badFile } from '../policy/files.ts'
import type { Terminal } from '../terminal.ts'
import { type AuditApi, auditApiOf, auditApiOptions } from './audit-api.ts'
import { exitCodeOf } from './exit-code.ts'
import { DecisionFiles } from './export-files.ts'
import { type ExportPlan, exportPlan } from './export-plan.ts'
import { exportedDecisions, newestIndex } from './export-source.ts'
import { streamFilterOptions } from './query-filter.ts'
import { tokenFor } from './token.ts'

const options = {
  ...streamFilterOptions,
  format: {
    kind: 'text',
    value: 'NAME',
    default: 'json',
    help: 'json, ocsf, ecs, cef, cloudevents or parquet',
  },
  out: { kind: 'text', value: 'DIR', help: 'write files there (default: standard output)' },
  since: {
    kind: 'integer',
    value: 'INDEX',
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    help: 'begin with this index of the log (default: its first decision)',
  },
  follow: { kind: 'flag', help: 'go on with what comes' },
  'max-bytes': {
    kind: 'text',
    value: 'BYTES',
    help: 'text of a file, such as 64MiB, before it is compressed (default: 64MiB)',
  },
  'max-age': {
    kind: 'text',
    value: 'TIME',
    help: 'finish a file so long after its first decision, such as 10m (default: 1h)',
  },
  gzip: { kind: 'flag', help: 'compress files of text' },
  ...auditApiOptions,
} as const

export const exportAudit = defineCommand({
  name: 'audit export',
  summary: 'write decisions in the formats of others, to files or a pipe',
  description: `
Gives all decisions that match, oldest first, up to the newest one that the log has when it begins;
with \`--follow\` also those that come. Files are called decisions-<first index>-<last index>: one
with such a name is whole and on disk. Started again it goes on behind the files that are there, so
leave the newest one, and use a folder for one export. Personal fields are in clear where audit has
their keys, and nothing that was exported is erased with them. The export is on the record. Ends
with 3 where audit can't be asked or a file can't be written.
`,
  positionals: '',
  positionalsMax: 0,
  options,
  examples: [
    'verdict audit export --format ocsf --out /var/spool/siem --follow --gzip',
    'verdict audit export --format parquet --out ./cold',
    'verdict audit export --outcome deny --format cef | nc siem.example 514',
  ],
  async run(values, _positionals, context) {
    const plan = exportPlan(values)
    const api = await auditApiOf('audit export', values, context.env)
    const token = (): Promise<string | undefined> => tokenFor('audit export', values, context.env)
    try {
      return await run(plan, { api, token }, context)
    } catch (error) {
      // A file that can't be finished is told also then.
      if (context.stop.aborted && !(error instanceof CliError)) return ExitCode.interrupted
      return exitCodeOf(error, context.terminal)
    }
  },
})

interface Source {
  readonly api: AuditApi
  /** Asked for again at each connection. */
  readonly token: () => Promise<string | undefined>
}

/** What there is to export now. */
interface Exported {
  readonly decisions: AsyncGenerator<LoggedDecision, void>
  /** The last index that is wanted; undefined where it goes on with what comes. */
  readonly end: number | undefined
}

async function run(plan: ExportPlan, source: Source, context: CommandContext): Promise<number> {
  const { stop, terminal } = context
  const { files: toFiles, follow } = plan
  if (toFiles === undefined) {
    const { decisions } = await begin(
      plan,
      { ...source, after: plan.after, signal: stop },
      terminal,
    )
    const format = LINE_FORMATS[plan.format as LineFormat]
    for await (const decision of decisions) await terminal.flow(format(decision), stop)
  } else {
    const onFinished = (file: string, count: number): void => {
      const detail = `${count.toLocaleString('en')} decisions`
      terminal.line(terminal.interactive ? `${file}  ${terminal.paint('dim', detail)}` : file)
    }
    await using files = await DecisionFiles.open({ ...toFiles, onFinished })
    const after = Math.max(plan.after, files.exported)
    const ended = new AbortController()
    const signal = AbortSignal.any([stop, ended.signal])
    const exported = await begin(plan, { ...source, after, signal }, terminal)
    try {
      await write(files, exported, terminal)
    } finally {
      // The stream would keep the process after a file could not be written.
      ended.abort()
      await exported.decisions.return()
    }
  }
  return stop.aborted && !follow ? ExitCode.interrupted : ExitCode.ok
}

async function begin(
  { files, follow, parameters }: ExportPlan,
  { after, api, signal, token }: Source & { after: number; signal: AbortSignal },
  terminal: Terminal,
): Promise<Exported> {
  const end = follow ? undefined : await newestIndex(api, parameters, signal)
  const isBehind = end !== undefined && end < after
  if (files && isBehind && (await newestIndex(api, new URLSearchParams(), signal)) < after) {
    throw badFile(
      files.dir,
      `has decisions up to ${after}, and the log ends before: it is of another`,
    )
  }
  const decisions = exportedDecisions({
    ...{ after, end, signal, token },
    auditUrl: api.url,
    filter: Object.fromEntries(parameters),
    onState({ connected, why }) {
      const lost = `no decisions from ${api.url} (${why}): trying again`
      terminal.error(terminal.paint('dim', connected ? `following ${api.url} again` : lost))
    },
  })
  return { decisions, end }
}

/** Writes to files, which are finished by their age also while nothing comes. */
async function write(
  files: DecisionFiles,
  { decisions, end }: Exported,
  terminal: Terminal,
): Promise<void> {
  const step = terminal.interactive ? terminal.step('exporting decisions') : undefined
  let count = 0
  try {
    for (let next = decisions.next(); ; ) {
      const turn = await within(next, files.dueMs)
      if (turn === 'late') {
        await files.finish()
        continue
      }
      if (turn.done) break
      await files.take(turn.value)
      count++
      step?.update(`${turn.value.index}${end === undefined ? '' : ` of ${end}`}`)
      next = decisions.next()
    }
    await files.finish()
    step?.done(`${count.toLocaleString('en')} decisions`)
  } catch (error) {
    step?.failed()
    throw error
  }
}

async function within<T>(next: Promise<T>, ms: number | undefined): Promise<T | 'late'> {
  if (ms === undefined) return await next
  const came = new AbortController()
  const late = delay(ms, 'late' as const, { signal: came.signal }).catch(() => 'late' as const)
  try {
    return await Promise.race([next, late])
  } finally {
    came.abort()
  }
}
