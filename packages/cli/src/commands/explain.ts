import {
  type CheckAnswer,
  type DecisionRecord,
  isDecisionId,
  keyIdOf,
  messageOf,
  VerdictError,
} from '@verdict/contract'
import type { EvaluateOptions, ExplainablePolicy, Explanation } from '@verdict/policy'
import { usage } from '../arguments.ts'
import { tokenFor, tokenOption } from '../audit/token.ts'
import { answerTo } from '../check/answer.ts'
import { queryFrom, readGiven, requestOptions } from '../check/question.ts'
import { type CommandContext, defineCommand, ExitCode, type OptionValues } from '../command.ts'
import { dataDirOption } from '../data-dir.ts'
import { CliError, CliErrorCode } from '../errors.ts'
import { explanationLines } from '../explain/explanation-lines.ts'
import { findPolicy } from '../explain/policy-source.ts'
import { recordedDecision } from '../explain/recorded-decision.ts'
import { addressesOf } from '../running.ts'
import { decisionLine } from '../tail/decision-line.ts'
import { printable } from '../terminal.ts'

/** A decision that was asked for just now reaches the log within this. */
const RECORD_WAIT_MS = 15_000
const NS_PER_MS = 1_000_000n

const options = {
  ...requestOptions,
  input: { kind: 'text', value: 'FILE', help: 'the whole input document instead, - for stdin' },
  entrypoint: {
    kind: 'text',
    value: 'RULE',
    default: 'envoy/authz/allow',
    help: 'with `--input`: the rule that is asked',
  },
  bundle: { kind: 'text', value: 'FILE', help: 'the bundle that decided' },
  policies: { kind: 'text', value: 'DIR', help: 'the folder of the policies that decided' },
  all: { kind: 'flag', help: 'tell of the rules that held in full too' },
  audit: { kind: 'text', value: 'URL', help: 'the audit service (default: the running cluster)' },
  'audit-token': tokenOption,
  nats: { kind: 'text', value: 'URL', help: 'the nats-server (default: the running cluster)' },
  'data-dir': dataDirOption,
  json: { kind: 'flag', help: 'print the explanation as JSON' },
} as const
type Values = OptionValues<typeof options>

export const explain = defineCommand({
  name: 'explain',
  summary: 'tell why a decision is what it is',
  description: `
Evaluates a decision again, from its record and the policies that took it, and tells which rules
held, where the others failed, and by what small changes of the request it would be allowed, each
of which was tried. For a request, the cluster is asked for the decision first, as by
\`verdict check\`. Exits with 0 when it is allow, 1 when it is anything else, 3 when it can't be
explained; 2 is for wrong arguments.
`,
  positionals: '[DECISION-ID]',
  positionalsMax: 1,
  options,
  examples: [
    'verdict explain 019a9b3c-5b7e-7cc3-98c4-dc0c0c07398f',
    'verdict explain --path /orders/1 --host orders.shop --header @.verdict/demo/alice.header',
    'verdict explain --input input.json --policies policies',
  ],
  async run(values, [id], context) {
    const asked = [id, values.input, values.path ?? values.file].filter(
      (each) => each !== undefined,
    )
    if (asked.length !== 1) {
      throw usage('explain', 'name a decision, or `--path` or `--file` of a request, or `--input`')
    }
    try {
      return values.input === undefined
        ? await explainRecorded(id ?? (await askedNow(values, context)), values, context)
        : await explainInput(values.input, values, context)
    } catch (error) {
      return faultOf(error, context)
    }
  },
})

async function explainRecorded(
  id: string,
  values: Values,
  context: CommandContext,
): Promise<number> {
  if (!isDecisionId(id)) throw usage('explain', `\`${printable(id)}\` is no id of a decision`)
  const auditUrl = values.audit ?? (await addressesOf(values['data-dir'])).auditUrl
  if (!URL.canParse(auditUrl)) throw usage('explain', `\`--audit ${auditUrl}\` is no URL`)
  const waitMs = values.path === undefined && values.file === undefined ? 0 : RECORD_WAIT_MS
  const reader = { ...values, token: values['audit-token'] }
  const token = await tokenFor('explain', reader, context.env)
  const record = await recordedDecision(id, { auditUrl, waitMs, token, signal: context.stop })
  const { entrypoint, revision, bundle, input } = explainablePart(record)
  const policy = await findPolicy({ entrypoint, revision, bundle }, placesOf(values), context)
  // What reads the time reads that of the decision.
  const nowNs = BigInt(Date.parse(record.time)) * NS_PER_MS
  const explanation = explained(policy, { entrypoint, input, nowNs })
  const notes = notesOn(record, explanation)
  if (!values.json) context.terminal.line(decisionLine(record, context.terminal))
  return print({ explanation, record, notes }, values, context)
}

async function explainInput(
  file: string,
  values: Values,
  context: CommandContext,
): Promise<number> {
  const input = await readGiven(file, context)
  const { entrypoint } = values
  const policy = await findPolicy({ entrypoint }, placesOf(values), context)
  return print({ explanation: explained(policy, { entrypoint, input }) }, values, context)
}

/** The decision of a request, which the cluster takes now. @throws {CliError} `no_decision` */
async function askedNow(values: Values, context: CommandContext): Promise<string> {
  const query = await queryFrom(values, 'explain', context)
  const asked = { dataDir: values['data-dir'], nats: values.nats }
  const answer: CheckAnswer = await answerTo(query, asked, 'verdict explain')
  if (!('error' in answer)) return answer.id
  const { code, message } = answer.error
  throw new CliError(CliErrorCode.noDecision, `no decision (${code}): ${message}`)
}

/** @throws {CliError} `not_explainable` */
function explainablePart({ id, policy, reason }: DecisionRecord) {
  const { entrypoint, revision, bundle, input, inputOmitted } = policy
  if (entrypoint === undefined || revision === undefined) {
    throw notExplainable(id, `no policy was asked (${reason})`)
  }
  if (input === undefined) {
    const why = inputOmitted ? 'its input is too long for the record' : 'its record has no input'
    throw notExplainable(id, `${why}: give the input with \`--input\``)
  }
  if (keyIdOf(input) !== undefined) {
    throw notExplainable(id, 'its input is under a key that was destroyed, or that audit has not')
  }
  return { entrypoint, revision, bundle, input }
}

function explained(
  policy: ExplainablePolicy,
  { entrypoint, input, ...options }: { entrypoint: string; input: string } & EvaluateOptions,
): Explanation {
  try {
    return policy.explain(entrypoint, input, options)
  } catch (cause) {
    const message = `the decision can't be explained: ${messageOf(cause)}`
    throw new CliError(CliErrorCode.notExplainable, message, { cause })
  }
}

/** Where what was evaluated again may not be what was evaluated then. */
function notesOn({ outcome, policy }: DecisionRecord, { allowed }: Explanation): string[] {
  const notes: string[] = []
  if (policy.dataRevision !== undefined) {
    notes.push('the data had been changed by events: it is explained by the data of the bundle')
  }
  if ((outcome === 'allow') !== allowed) {
    notes.push(
      `it was \`${outcome}\`, and is not what it is evaluated to now: the policy reads what is not ` +
        'on the record, such as credentials or data that came by events',
    )
  }
  return notes
}

/** What is no explanation must not look like a denial. */
function faultOf(error: unknown, { terminal, stop }: CommandContext): number {
  const isUsage = error instanceof CliError && error.code === CliErrorCode.usage
  if (isUsage || stop.aborted || !(error instanceof VerdictError)) throw error
  terminal.error(`${terminal.paint('red', 'verdict:')} ${printable(error.message)}`)
  return ExitCode.fault
}

interface Printed {
  readonly explanation: Explanation
  readonly record?: DecisionRecord
  readonly notes?: readonly string[]
}

function print(
  { explanation, record, notes = [] }: Printed,
  { json, all }: Values,
  { terminal }: CommandContext,
): number {
  if (json) {
    terminal.line(JSON.stringify({ ...(record && { record }), notes, ...explanation }))
  } else {
    for (const line of explanationLines(explanation, { terminal, all })) terminal.line(line)
    for (const note of notes) terminal.error(terminal.paint('yellow', `note: ${printable(note)}`))
  }
  return explanation.allowed ? ExitCode.ok : ExitCode.failed
}

function placesOf({ bundle, policies, nats, ...values }: Values) {
  if (bundle !== undefined && policies !== undefined) {
    throw usage('explain', '`--bundle` and `--policies` exclude each other')
  }
  return { bundle, policies, nats, dataDir: values['data-dir'] }
}

function notExplainable(id: string, why: string): CliError {
  return new CliError(CliErrorCode.notExplainable, `decision \`${id}\` can't be explained: ${why}`)
}
