import { Outcome } from '@verdict/contract'
import { usage } from '../arguments.ts'
import { tokenFor, tokenOption } from '../audit/token.ts'
import { type CommandContext, defineCommand, ExitCode } from '../command.ts'
import { dataDirOption } from '../data-dir.ts'
import { addressesOf } from '../running.ts'
import { decisionLine } from '../tail/decision-line.ts'
import { followDecisions } from '../tail/decision-stream.ts'

export const tail = defineCommand({
  name: 'tail',
  summary: 'follow decisions as they are taken',
  description: `
Follows the decisions in the log: a readable line each on a terminal, one JSON object each
in a pipe. A connection that is lost is made again, and nothing is left out.
`,
  positionals: '',
  positionalsMax: 0,
  options: {
    outcome: { kind: 'text', value: 'OUTCOME', help: `only ${Object.values(Outcome).join(', ')}` },
    principal: { kind: 'text', value: 'NAME', help: 'only of this user or SPIFFE ID' },
    destination: {
      kind: 'text',
      value: 'NAME',
      help: 'only to this service, or namespace/service',
    },
    since: {
      kind: 'integer',
      value: 'N',
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
      help: 'begin with the decision at this index of the log',
    },
    'from-start': { kind: 'flag', help: 'begin with the first decision of the log' },
    audit: { kind: 'text', value: 'URL', help: 'the audit service (default: the running cluster)' },
    token: tokenOption,
    'data-dir': dataDirOption,
    json: { kind: 'flag', help: 'print JSON on a terminal too' },
  },
  examples: [
    'verdict tail',
    'verdict tail --outcome deny --destination shop/payments',
    'verdict tail --from-start | jq .record.principal',
  ],
  async run(options, _positionals, context) {
    const { outcome, principal, destination, since } = options
    if (outcome !== undefined && !Object.hasOwn(Outcome, outcome)) {
      const known = Object.values(Outcome).join(', ')
      throw usage('tail', `\`--outcome ${outcome}\`: expected one of ${known}`)
    }
    if (since !== undefined && options['from-start']) {
      throw usage('tail', '`--since` and `--from-start` exclude each other')
    }
    const auditUrl = options.audit ?? (await addressesOf(options['data-dir'])).auditUrl
    if (!URL.canParse(auditUrl)) throw usage('tail', `\`--audit ${auditUrl}\` is no URL`)
    const decisions = followDecisions({
      auditUrl,
      filter: {
        ...(outcome !== undefined && { outcome }),
        ...(principal !== undefined && { principal }),
        ...(destination !== undefined && { destination }),
      },
      after: options['from-start'] ? 0 : since === undefined ? undefined : since - 1,
      token: () => tokenFor('tail', options, context.env),
      signal: context.stop,
      onState: (state) => tellState(auditUrl, state, context),
    })
    const readable = context.terminal.interactive && !options.json
    for await (const json of decisions) {
      const line = readable ? decisionLine(JSON.parse(json).record, context.terminal) : json
      await context.terminal.flow(line, context.stop)
    }
    return ExitCode.ok
  },
})

/** On standard error, so that a pipe gets decisions and nothing else. */
function tellState(
  auditUrl: string,
  { connected, why }: { connected: boolean; why: string },
  { terminal }: CommandContext,
): void {
  terminal.error(
    terminal.paint(
      'dim',
      connected
        ? `following ${auditUrl} again`
        : `no decisions from ${auditUrl} (${why}): trying again until it answers`,
    ),
  )
}
