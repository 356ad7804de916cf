import { VerdictError } from '@verdict/contract'
import { usage } from '../arguments.ts'
import { type CommandContext, defineCommand, ExitCode, type OptionValues } from '../command.ts'
import { CliErrorCode } from '../errors.ts'
import { readNamedFile } from '../policy/files.ts'
import { auditApiOptions } from './audit-api.ts'
import { exitCodeOf, isFault } from './exit-code.ts'
import { verifyWholeLog } from './log-verification.ts'
import { LogRefuted, refutationLine } from './refutation.ts'
import { receiptJson, receiptRows } from './shown-receipt.ts'
import { trustOf, trustOptions } from './trusted-log.ts'
import { verifyReceipt } from './verify-receipt.ts'

const options = {
  ...trustOptions,
  leaf: { kind: 'text', value: 'FILE', help: 'the record of a receipt that does not hold it' },
  log: { kind: 'text', value: 'URL|DIR', help: 'the log (default: the one of the audit service)' },
  instance: { kind: 'text', value: 'NAME', help: 'ask whether anything of it is missing' },
  from: { kind: 'text', value: 'TIME', help: 'with `--instance`: from when on (RFC 3339)' },
  to: { kind: 'text', value: 'TIME', help: 'with `--instance`: until when (default: now)' },
  'since-checkpoint': {
    kind: 'text',
    value: 'FILE',
    help: 'a checkpoint that was kept: the log must still hold all of it',
  },
  'save-checkpoint': {
    kind: 'text',
    value: 'FILE',
    help: 'keep the newest checkpoint, when all of it was verified',
  },
  ...auditApiOptions,
  json: { kind: 'flag', help: 'print JSON' },
} as const
type Values = OptionValues<typeof options>

/** What belongs to a log, and has no meaning for a receipt. */
const OF_LOG = ['log', 'instance', 'from', 'to', 'since-checkpoint', 'save-checkpoint'] as const

export const verifyAudit = defineCommand({
  name: 'audit verify',
  summary: 'verify a receipt offline, or the whole log',
  description: `
With a receipt: verifies it by nothing but the file and the key, and says what it proves.

Without: verifies the whole log, of the audit service, under a URL or in a folder. Every checkpoint
with its signatures, every tile and entry up to the root, and what the records say: that each is
canonical JSON, that the journals of the decision points are whole, each place once, chained and
sealed, and that the log tells of everything that is not so. It stops at the first contradiction
and names the shard and the leaves. Asked about an instance, it also says whether anything of that
decision point is missing between two times.

Ends with 0 when all is well, 1 for a contradiction or where something of the instance is missing,
2 for wrong arguments, 3 where a file or the log can't be read, so that nothing is said about it.
`,
  positionals: '[RECEIPT]',
  positionalsMax: 1,
  options,
  examples: [
    'verdict audit verify receipt.txt --key log.pub',
    'verdict audit verify --key log.pub --since-checkpoint kept --save-checkpoint kept',
    'verdict audit verify --log ./copy-of-the-log --policy trust.policy',
    'verdict audit verify --key log.pub --instance authz-1 --from 2026-11-23T06:00:00Z',
  ],
  async run(values, [receipt], context) {
    try {
      return receipt === undefined
        ? await verifyWholeLog(checkedLog(values), context)
        : await verifyFile(receipt, checkedReceipt(values), context)
    } catch (error) {
      return failed(error, values, context)
    }
  },
})

async function verifyFile(
  file: string,
  values: Values,
  { terminal }: CommandContext,
): Promise<number> {
  const trust = await trustOf('audit verify', values)
  const leaf = values.leaf === undefined ? undefined : await readNamedFile(values.leaf)
  const proven = verifyReceipt(String(await readNamedFile(file)), trust, leaf)
  if (values.json) terminal.line(JSON.stringify(receiptJson(proven)))
  else for (const row of receiptRows(proven)) terminal.line(row)
  return ExitCode.ok
}

function checkedReceipt(values: Values): Values {
  const wrong = OF_LOG.find((name) => values[name] !== undefined)
  if (wrong === undefined) return values
  throw usage('audit verify', `\`--${wrong}\` is about a log, and a receipt is given`)
}

function checkedLog(values: Values): Values {
  if (values.leaf === undefined) return values
  throw usage('audit verify', '`--leaf` is about a receipt, and none is given')
}

function failed(error: unknown, { json }: Values, { terminal }: CommandContext): number {
  if (!(error instanceof VerdictError) || error.code === CliErrorCode.usage) throw error
  const { code, message } = error
  const place = error instanceof LogRefuted ? { shard: error.shard, leaves: error.leaves } : {}
  if (json) {
    const told = { code, message, ...place }
    terminal.line(JSON.stringify({ verified: isFault(error) ? null : false, error: told }))
  }
  if (!(error instanceof LogRefuted)) return exitCodeOf(error, terminal)
  terminal.error(`${terminal.paint('red', 'verdict:')} ${refutationLine(error)}`)
  return ExitCode.failed
}
