import path from 'node:path'
import type { Environment } from '@verdict/toolchain'
import { usage } from '../arguments.ts'
import { readNamedFile } from '../policy/files.ts'
import { runningCluster } from '../running.ts'

/** The option of every command that calls the API of audit. */
export const tokenOption = {
  kind: 'text',
  value: 'JWT',
  help: "who asks: a token or @FILE (default: VERDICT_TOKEN, else the demo's auditor)",
} as const

/** Who of the demo is taken where nobody else is named. */
export type DemoAuditor = 'auditor' | 'custodian'

export interface TokenValues {
  readonly token: string | undefined
  /** The URL that was given: the demo's tokens are for its own cluster alone. */
  readonly audit: string | undefined
  readonly 'data-dir': string
}

/**
 * The bearer token for the API of audit; undefined where there is none, which is well where reading
 * is not authorized. Asked again it reads the file again: tokens are renewed.
 * @throws {CliError} `usage`, `bad_file`
 */
export async function tokenFor(
  command: string,
  values: TokenValues,
  env: Environment,
  user: DemoAuditor = 'auditor',
): Promise<string | undefined> {
  const given = values.token ?? (env['VERDICT_TOKEN'] || undefined)
  if (given?.startsWith('@')) return tokenIn(command, await readNamedFile(given.slice(1)), given)
  if (given !== undefined) return tokenIn(command, given, '--token')
  const dataDir = path.resolve(values['data-dir'])
  const cluster = await runningCluster(dataDir)
  if (cluster === undefined) return undefined
  if (values.audit !== undefined && values.audit !== cluster.auditUrl) return undefined
  try {
    const file = path.join(dataDir, 'demo', `${user}.header`)
    return tokenIn(command, await readNamedFile(file), file)
  } catch {
    // The cluster runs without the demo's users.
    return undefined
  }
}

/** The header, or none. */
export function bearer(token: string | undefined): Readonly<Record<string, string>> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` }
}

/** A token by itself, or the header that carries it, as curl takes it from a file. */
function tokenIn(command: string, content: string | Buffer, place: string): string {
  const [, token] =
    /^(?:authorization: *)?(?:bearer +)?([\w.~+/=-]+)\s*$/i.exec(String(content)) ?? []
  if (token !== undefined) return token
  throw usage(command, `\`${place}\` holds no bearer token`)
}
