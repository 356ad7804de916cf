import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { type CheckQuery, messageOf } from '@verdict/contract'
import { usage } from '../arguments.ts'
import type { CommandContext, OptionValues } from '../command.ts'
import { CliError, CliErrorCode } from '../errors.ts'

const QUERY_KEYS = ['method', 'path', 'host', 'scheme', 'headers', 'source', 'destination']

/** What a request is described by, for each command that asks about one. */
export const requestOptions = {
  method: { kind: 'text', value: 'METHOD', help: 'of the request (default: GET)' },
  path: { kind: 'text', value: 'PATH', help: 'of the request, with its query' },
  host: { kind: 'text', value: 'HOST', help: 'of the request' },
  header: { kind: 'list', value: 'NAME:VALUE', help: 'a header, or @FILE with one a line' },
  token: { kind: 'text', value: 'JWT', help: 'a bearer token of the user' },
  source: { kind: 'text', value: 'SPIFFE-ID', help: 'the workload that calls' },
  service: { kind: 'text', value: 'NAME', help: 'the service that is called' },
  namespace: { kind: 'text', value: 'NAME', help: 'the namespace of that service' },
  file: { kind: 'text', value: 'FILE', help: 'the request as JSON, - for standard input' },
} as const

export type RequestValues = OptionValues<typeof requestOptions>

/** The request of the file, with that of the options over it. @throws {CliError} */
export async function queryFrom(
  values: RequestValues,
  command: string,
  context: CommandContext,
): Promise<CheckQuery> {
  const base = values.file === undefined ? {} : await readQuery(values.file, context)
  const method = values.method ?? base.method ?? 'GET'
  const requestPath = values.path ?? base.path
  if (requestPath === undefined) throw usage(command, '`--path` or `--file` is needed')
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
    headers: { ...base.headers, ...(await headersFrom(values, command)) },
    source,
    destination,
  }
}

/** A file, or standard input where it is called `-`. @throws {CliError} `bad_file` */
export async function readGiven(file: string, { stdin }: CommandContext): Promise<string> {
  return file === '-' ? await text(stdin) : await readNamed(file)
}

async function readQuery(file: string, context: CommandContext): Promise<Partial<CheckQuery>> {
  const parsed = parseJson(await readGiven(file, context))
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw badFile(file, 'holds no JSON object')
  }
  const unknown = Object.keys(parsed).find((key) => !QUERY_KEYS.includes(key))
  if (unknown === undefined) return parsed
  throw badFile(file, `has \`${unknown}\`, expected only ${QUERY_KEYS.join(', ')}`)
}

async function headersFrom(
  { header, token }: RequestValues,
  command: string,
): Promise<Record<string, string>> {
  const headers: Record<string, string> = {}
  for (const given of header) {
    const lines = given.startsWith('@') ? (await readNamed(given.slice(1))).split('\n') : [given]
    for (const line of lines.filter((each) => each.trim() !== '')) {
      const colon = line.indexOf(':')
      if (colon < 1) throw usage(command, '`--header` needs NAME:VALUE, or @FILE')
      headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim()
    }
  }
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`
  return headers
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
