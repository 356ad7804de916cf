import { usage } from '../arguments.ts'
import { type CommandContext, defineCommand, ExitCode, type OptionValues } from '../command.ts'
import { auditApiOf, auditApiOptions } from './audit-api.ts'
import { exitCodeOf } from './exit-code.ts'
import { csvHeader, csvLine } from './query-csv.ts'
import { filterOptions, searchParameters } from './query-filter.ts'
import { type LoggedDecision, pagesOf } from './query-pages.ts'
import { type Proof, proofsOf } from './query-proof.ts'
import { tableRows } from './query-table.ts'
import { trustOf, trustOptions } from './trusted-log.ts'

const LIMIT_DEFAULT = 100
const LIMIT_MAX = 1_000_000_000

const options = {
  ...filterOptions,
  limit: {
    kind: 'integer',
    value: 'N',
    min: 1,
    max: LIMIT_MAX,
    help: `no more than this many (default: ${LIMIT_DEFAULT})`,
  },
  all: { kind: 'flag', help: 'all that match' },
  json: { kind: 'flag', help: 'one JSON object a line, as in a pipe' },
  csv: { kind: 'flag', help: 'comma-separated values, safe for spreadsheets' },
  proof: { kind: 'flag', help: 'fetch the receipt of each decision and verify it by `--key`' },
  ...trustOptions,
  ...auditApiOptions,
} as const
type Values = OptionValues<typeof options>

/** How decisions are written; a page at a time. */
type Writer = (
  decisions: readonly LoggedDecision[],
  proofs: readonly Proof[] | undefined,
) => string[]

export const queryAudit = defineCommand({
  name: 'audit query',
  summary: 'search the log: who, what, when, where, how, why',
  description: `
Lists the decisions that match all options, newest first: a table on a terminal, one JSON object a
line in a pipe. With \`--proof\` each is verified: the receipt is fetched, and then nothing but the
log's key is believed. The search itself is on the record. Ends with 1 where a decision is not
proven, 3 where audit can't be asked; 2 is for wrong arguments.
`,
  positionals: '',
  positionalsMax: 0,
  options,
  examples: [
    'verdict audit query --principal alice --from 1h',
    'verdict audit query --outcome deny --destination shop/payments --csv --all > denials.csv',
    'verdict audit query --trace 4bf92f3577b34da6a3ce929d0e0e4736 --proof --key log.pub',
  ],
  async run(values, _positionals, context) {
    const parameters = searchParameters(values, Date.now())
    if (values.json && values.csv)
      throw usage('audit query', '`--json` and `--csv` exclude each other')
    if (values.all && values.limit !== undefined) {
      throw usage('audit query', '`--all` and `--limit` exclude each other')
    }
    const hasTrust = values.key !== undefined || values.policy !== undefined
    if (hasTrust && !values.proof) throw usage('audit query', '`--key` needs `--proof`')
    const limit = values.all ? Number.POSITIVE_INFINITY : (values.limit ?? LIMIT_DEFAULT)
    try {
      return await print(values, { parameters, limit }, context)
    } catch (error) {
      if (context.stop.aborted) return ExitCode.interrupted
      return exitCodeOf(error, context.terminal)
    }
  },
})

async function print(
  values: Values,
  search: { parameters: URLSearchParams; limit: number },
  context: CommandContext,
): Promise<number> {
  const { env, stop: signal, terminal } = context
  const trust = values.proof ? await trustOf('audit query', values) : undefined
  const api = await auditApiOf('audit query', values, env)
  const write = writerOf(values, context)
  let [found, unproven, isCut] = [0, 0, false]
  for await (const { decisions, more } of pagesOf(api, { ...search, signal })) {
    const proofs = trust && (await proofsOf(decisions, { api, trust, signal }))
    for (const line of write(decisions, proofs)) await terminal.flow(line, signal)
    found += decisions.length
    unproven += proofs?.filter(({ verified }) => !verified).length ?? 0
    isCut = more && found >= search.limit
  }
  if (signal.aborted) return ExitCode.interrupted
  if (terminal.interactive && found === 0) terminal.error('no decision of the log matches')
  if (terminal.interactive && isCut) {
    terminal.error(`these are the newest ${found}; \`--all\` or \`--limit N\` shows more`)
  }
  if (unproven === 0) return ExitCode.ok
  terminal.error(`${terminal.paint('red', 'verdict:')} ${unproven} of ${found} are not proven`)
  return ExitCode.failed
}

function writerOf({ csv, json, proof }: Values, { terminal }: CommandContext): Writer {
  let head = true
  const first = (): boolean => {
    const was = head
    head = false
    return was
  }
  if (csv) {
    return (decisions, proofs) => [
      ...(first() ? [csvHeader(proof)] : []),
      ...decisions.map((each, at) => csvLine(each, proofs?.[at])),
    ]
  }
  if (json || !terminal.interactive) {
    return (decisions, proofs) =>
      decisions.map((each, at) =>
        JSON.stringify(proofs === undefined ? each : { ...each, proof: proofs[at] }),
      )
  }
  return (decisions, proofs) =>
    decisions.length === 0 ? [] : tableRows(decisions, proofs, { head: first(), terminal })
}
