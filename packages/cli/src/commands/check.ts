import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { ask, connectBus, seedFile } from '@verdict/bus'
import { type CheckAnswer, type CheckQuery, messageOf, subjects } from '@verdict/contract'
import { usage } from '../arguments.ts'
import { type CommandContext, defineCommand, ExitCode, type OptionValues } from '../command.ts'
import { dataDirOption } from '../data-dir.ts'
import { CliError, CliErrorCode } from '../errors.ts'
import { addressesOf } from '../running.ts'
import { printable } from '../terminal.ts'

const CONNECT_TIMEOUT_MS = 5_000
/** Longer than a decision point takes at worst, its question to authn included. */
const ANSWER_TIMEOUT_MS = 5_000
const QUERY_KEYS = ['method', 'path', 'host', 'scheme', 'headers', 'source', 'destination']

const options = {
  method: { kind: 'text', value: 'METHOD', help: 'of the request (default: GET)' },
  path: { kind: 'text', value: 'PATH', help: 'of the request, with its query' },
  host: { kind: 'text', value: 'HOST', help: 'of the request' },
  header: { kind: 'list', value: 'NAME:VALUE', help: 'a header, or @FILE with one a line' },
  token: { kind: 'text', value: 'JWT', help: 'a bearer token of the user' },
  source: { kind: 'text', value: 'SPIFFE-ID', help: 'the workload that calls' },
  service: { kind: 'text', value: 'NAME', help: 'the service that is called' },
  namespace: { kind: 'text', value: 'NAME', help: 'the namespace of that service' },
  file: { kind: 'text', value: 'FILE', help: 'the request as JSON, - for standard input' },
  nats: { kind: 'text', value: 'URL', help: 'the nats-server (default: the running cluster)' },
  'data-dir': dataDirOption,
  json: { kind: 'flag', help: 'print the answer as JSON' },
} as const

export const check = defineCommand({
  name: 'check',
  summary: 'ask for one decision',
  description: `
Asks the cluster for one decision, which goes on the record like any other. Exits with 0
when it is allow, 1 when it is anything else, 3 when there is none; 2 is for wrong arguments.
`,
  positionals: '',
  positionalsMax: 0,
  options,
  examples: [
    'verdict check --path /catalog --namespace shop --service catalog',
    'verdict check --path /orders/1 --service orders --header @.verdict/demo/alice.header',
    'verdict check --file request.json --json',
  ],
  async run(values, _positionals, context) {
    const query = await queryFrom(values, context)
    const answer = await answerTo(query, values)
    print(answer, values.json, context)
    if ('error' in answer) return ExitCode.fault
    return answer.outcome === 'allow' ? ExitCode.ok : ExitCode.failed
  },
})

type Values = OptionValues<typeof options>

/** The request of the file, with that of the options over it. */
async function queryFrom(values: Values, context: CommandContext): Promise<CheckQuery> {
  const base = values.file === undefined ? {} : await readQuery(values.file, context)
  const method = values.method ?? base.method ?? 'GET'
  const requestPath = values.path ?? base.path
  if (requestPath === undefined) throw usage('check', '`--path` or `--file` is needed')
  const destination = {
    ...base.destination,
    ...(values.service !== undefined && { service: values.service }),
    ...(values.namespace !== undefined && { namespace: values.namespace }),
  }
  const source = {
    ...base.source,
    ...(values.source !== undefined && { principal: values.source }),
  }
  return {
    ...base,
    method,
    path: requestPath,
    ...(values.host !== undefined && { host: values.host }),
    headers: { ...base.headers, ...(await headersFrom(values)) },
    source,
    destination,
  }
}

async function readQuery(file: string, { stdin }: CommandContext): Promise<Partial<CheckQuery>> {
  const content = file === '-' ? await text(stdin) : await readNamed(file)
  const parsed = parseJson(content)
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw badFile(file, 'holds no JSON object')
  }
  const unknown = Object.keys(parsed).find((key) => !QUERY_KEYS.includes(key))
  if (unknown === undefined) return parsed
  throw badFile(file, `has \`${unknown}\`, expected only ${QUERY_KEYS.join(', ')}`)
}

async function headersFrom({ header, token }: Values): Promise<Record<string, string>> {
  const headers: Record<string, string> = {}
  for (const given of header) {
    const lines = given.startsWith('@') ? (await readNamed(given.slice(1))).split('\n') : [given]
    for (const line of lines.filter((each) => each.trim() !== '')) {
      const colon = line.indexOf(':')
      if (colon < 1) throw usage('check', '`--header` needs NAME:VALUE, or @FILE')
      headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim()
    }
  }
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`
  return headers
}

async function answerTo(query: CheckQuery, values: Values): Promise<CheckAnswer> {
  const dataDir = path.resolve(values['data-dir'])
  const url = values.nats ?? (await addressesOf(dataDir)).natsUrl
  const role = 'operator'
  try {
    const nc = await connectBus({
      url,
      role,
      seedFile: seedFile(path.join(dataDir, 'keys'), role),
      name: 'verdict check',
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
    })
    try {
      const payload = new TextEncoder().encode(JSON.stringify(query))
      const reply = await ask(nc, subjects.check, payload, { timeoutMs: ANSWER_TIMEOUT_MS })
      return JSON.parse(new TextDecoder().decode(reply))
    } finally {
      await nc.close()
    }
  } catch (error) {
    const code = (error as { code?: unknown }).code
    return { error: { code: typeof code === 'string' ? code : 'fault', message: messageOf(error) } }
  }
}

function print(answer: CheckAnswer, json: boolean, { terminal }: CommandContext): void {
  if (json) {
    terminal.line(JSON.stringify(answer))
  } else if ('error' in answer) {
    const { code, message } = answer.error
    const text = `no decision (${printable(code)}): ${printable(message)}`
    terminal.error(`${terminal.paint('red', 'verdict:')} ${text}`)
  } else {
    const style = answer.outcome === 'allow' ? 'green' : 'red'
    terminal.line(`outcome  ${terminal.paint(style, answer.outcome)}`)
    terminal.line(`reason   ${printable(answer.reason)}`)
    terminal.line(`status   ${answer.status}`)
    terminal.line(`id       ${printable(answer.id)}`)
  }
}

async function readNamed(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw badFile(file, `can't be read: ${messageOf(cause)}`, cause)
  }
}

function parseJson(content: string): unknown {
  try {
    return JSON.parse(content)
  } catch {
    // As for JSON of another kind.
    return undefined
  }
}

function badFile(file: string, why: string, cause?: unknown): CliError {
  return new CliError(CliErrorCode.badFile, `\`${file}\` ${why}`, { cause })
}
