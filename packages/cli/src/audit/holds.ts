import { usage } from '../arguments.ts'
import { defineCommand, ExitCode } from '../command.ts'
import { CliError, CliErrorCode } from '../errors.ts'
import { printable } from '../terminal.ts'
import { auditApiOf, auditApiOptions, readFromAudit } from './audit-api.ts'
import { exitCodeOf } from './exit-code.ts'
import { changeHolds } from './hold-request.ts'
import { tokenFor } from './token.ts'

/** A longer answer is no list of holds: there are a thousand at most. */
const HOLDS_BYTES_MAX = 16 * 1024 * 1024

interface Hold {
  readonly name: string
  readonly reason: string
  readonly at: string
  readonly from?: string
  readonly to?: string
  readonly principal?: string
  readonly service?: string
}

export const placeHold = defineCommand({
  name: 'audit hold',
  summary: 'keep records from being pruned, until it is released',
  description: `
Places a legal hold: shards in which a record may be that is meant are not pruned, whatever their
age. All conditions have to match; without any, the whole log is held. The hold is a leaf of the log,
with who placed it and why. It does not stop an erasure. docs/retention.md tells more.
`,
  positionals: 'NAME',
  positionalsMax: 1,
  options: {
    reason: { kind: 'text', value: 'TEXT', help: 'why; it goes into the log' },
    from: { kind: 'text', value: 'TIME', help: 'decisions from this time on (RFC 3339)' },
    to: { kind: 'text', value: 'TIME', help: 'decisions before this time' },
    principal: { kind: 'text', value: 'WHO', help: 'decisions about this principal' },
    service: { kind: 'text', value: 'NAME', help: 'decisions of requests for this service' },
    json: { kind: 'flag', help: 'what audit answers' },
    ...auditApiOptions,
  },
  examples: ['verdict audit hold case-7 --reason "order of 12 May" --principal alice'],
  async run(values, [name], { terminal, env, stop }) {
    const { from, principal, reason, service, to } = values
    if (!name) throw usage('audit hold', 'the name of the hold is needed')
    if (!reason) throw usage('audit hold', '`--reason` is needed')
    const { url } = await auditApiOf('audit hold', values, env)
    const token = await tokenFor('audit hold', values, env, 'custodian')
    try {
      const body = { name, reason, from, to, principal, service }
      const change = { method: 'POST', path: '/v1/holds', body } as const
      const placed = await changeHolds({ url, ...(token && { token }) }, change, stop)
      terminal.line(values.json ? JSON.stringify(placed) : `${name} is held`)
      return ExitCode.ok
    } catch (error) {
      return exitCodeOf(error, terminal)
    }
  },
})

export const releaseHold = defineCommand({
  name: 'audit release',
  summary: 'release a legal hold',
  description: `
Releases a hold by its name. From then on its shards are pruned when their period is over. The
release is a leaf of the log, with who did it and why.
`,
  positionals: 'NAME',
  positionalsMax: 1,
  options: {
    reason: { kind: 'text', value: 'TEXT', help: 'why; it goes into the log' },
    ...auditApiOptions,
  },
  examples: ['verdict audit release case-7 --reason "closed on 3 June"'],
  async run(values, [name], { terminal, env, stop }) {
    if (!name) throw usage('audit release', 'the name of the hold is needed')
    const { url } = await auditApiOf('audit release', values, env)
    const token = await tokenFor('audit release', values, env, 'custodian')
    try {
      const { reason } = values
      const query = reason === undefined ? '' : `?${new URLSearchParams({ reason })}`
      const path = `/v1/holds/${encodeURIComponent(name)}${query}`
      const api = { url, ...(token && { token }) }
      if ((await changeHolds(api, { method: 'DELETE', path }, stop)) === 'missing') {
        throw new CliError(CliErrorCode.holdNotFound, `there is no hold \`${printable(name)}\``)
      }
      terminal.line(`${printable(name)} is released`)
      return ExitCode.ok
    } catch (error) {
      return exitCodeOf(error, terminal)
    }
  },
})

export const listHolds = defineCommand({
  name: 'audit holds',
  summary: 'list the legal holds that are in force',
  description: `
Lists the holds that are in force, the oldest first, with what each of them is about.
`,
  positionals: '',
  positionalsMax: 0,
  options: {
    json: { kind: 'flag', help: 'what audit answers' },
    ...auditApiOptions,
  },
  examples: ['verdict audit holds'],
  async run(values, _positionals, { terminal, env, stop }) {
    const api = await auditApiOf('audit holds', values, env)
    try {
      const request = { bytesMax: HOLDS_BYTES_MAX, signal: stop }
      const body = (await readFromAudit(api, '/v1/holds', request))?.toString('utf8') ?? '{}'
      const { holds = [] } = JSON.parse(body) as { holds?: Hold[] }
      if (values.json) terminal.line(JSON.stringify({ holds }))
      else for (const hold of holds) terminal.line(lineOf(hold))
      return ExitCode.ok
    } catch (error) {
      return exitCodeOf(error, terminal)
    }
  },
})

function lineOf({ name, at, from, principal, reason, service, to }: Hold): string {
  const about = Object.entries({ from, to, principal, service })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key} ${value}`)
    .join(', ')
  return printable(`${name}  since ${at}  ${about === '' ? 'the whole log' : about}: ${reason}`)
}
