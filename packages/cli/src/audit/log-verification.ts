import type { CompletenessQuestion } from '@verdict/contract'
import { usage } from '../arguments.ts'
import { type CommandContext, ExitCode } from '../command.ts'
import { readNamedFile, writeNamedFile } from '../policy/files.ts'
import { auditApiOf } from './audit-api.ts'
import { keptCheckpoint } from './kept-checkpoint.ts'
import { isUrl, shardsOf } from './log-source.ts'
import { logJson, logRows } from './shown-log.ts'
import { trustOf } from './trusted-log.ts'
import { type VerifiedLog, verifyLog } from './verify-log.ts'

const COMMAND = 'audit verify'
/** The step is told this often; it is drawn more often. */
const PROGRESS_MS = 200

export interface LogValues {
  readonly log: string | undefined
  readonly key: string | undefined
  readonly policy: string | undefined
  readonly instance: string | undefined
  readonly from: string | undefined
  readonly to: string | undefined
  readonly 'since-checkpoint': string | undefined
  readonly 'save-checkpoint': string | undefined
  readonly audit: string | undefined
  readonly token: string | undefined
  readonly 'data-dir': string
  readonly json: boolean
}

/** Verifies a whole log, and says what was found. @throws {LogRefuted}, {CliError}, {TlogError} */
export async function verifyWholeLog(values: LogValues, context: CommandContext): Promise<number> {
  const { terminal, stop, env } = context
  const question = questionOf(values)
  const trust = await trustOf(COMMAND, values)
  const since = values['since-checkpoint']
  const kept = since === undefined ? undefined : keptCheckpoint(await readNamedFile(since), trust)
  // A token of the cluster on this machine goes nowhere else.
  const audit = isUrl(values.log) ? values.log : values.audit
  const api = await auditApiOf(COMMAND, { ...values, audit }, env)
  const sources = await shardsOf(api, values.log, stop)
  const step = values.json ? undefined : terminal.step('verifying the log')
  const startedAt = performance.now()
  let toldAt = startedAt
  let verified: VerifiedLog
  try {
    verified = await verifyLog(sources, {
      trust,
      ...(kept && { kept }),
      ...(question && { question }),
      signal: stop,
      onProgress(leaves, total) {
        const now = performance.now()
        if (now - toldAt < PROGRESS_MS) return
        toldAt = now
        step?.update(progressText(leaves, total, now - startedAt))
      },
    })
  } catch (error) {
    step?.failed()
    throw error
  }
  step?.done(`${verified.check.counts.leaves.toLocaleString('en')} leaves`)
  const save = values['save-checkpoint']
  if (save !== undefined) await writeNamedFile(save, newestCheckpoint(verified))
  if (values.json) terminal.line(JSON.stringify(logJson(verified, kept)))
  else for (const row of logRows(verified, kept)) terminal.line(row)
  return verified.completeness?.complete === false ? ExitCode.failed : ExitCode.ok
}

/** @throws {CliError} `usage` */
function questionOf({ instance, from, to }: LogValues): CompletenessQuestion | undefined {
  if (instance === undefined) {
    if (from === undefined && to === undefined) return undefined
    throw usage(COMMAND, '`--from` and `--to` need an `--instance`')
  }
  const fromMs = timeOf('from', from) ?? 0
  const toMs = timeOf('to', to) ?? Date.now()
  if (fromMs <= toMs) return { instance, fromMs, toMs }
  throw usage(COMMAND, '`--from` is after `--to`')
}

function timeOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = Date.parse(text)
  if (!Number.isNaN(ms)) return ms
  throw usage(COMMAND, `\`--${option} ${text}\`: expected a time such as 2026-11-23T07:00:00Z`)
}

function newestCheckpoint({ shards }: VerifiedLog): Uint8Array {
  return Buffer.from(shards.at(-1)?.note ?? '')
}

function progressText(leaves: number, total: number, ms: number): string {
  const rate = leaves / (ms / 1000)
  const leftS = Math.ceil((total - leaves) / Math.max(rate, 1))
  const number = (value: number): string => Math.round(value).toLocaleString('en')
  return `${number(leaves)} of ${number(total)} leaves, ${number(rate)}/s, ${leftS} s left`
}
