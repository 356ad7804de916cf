import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { readBundle, readPointer } from '@verdict/bus'
import { BUNDLE_BYTES_MAX, messageOf } from '@verdict/contract'
import { buildBundle, type ExplainablePolicy, explainable } from '@verdict/policy'
import { provide } from '@verdict/toolchain'
import { asOperator } from '../check/answer.ts'
import type { CommandContext } from '../command.ts'
import { CliError, CliErrorCode } from '../errors.ts'
import { readNamedFile } from '../policy/files.ts'

const READ_TIMEOUT_MS = 30_000
/** How revisions of folders are called, and their bundles in a cache. */
const DIGEST = /^[0-9a-f]{64}$/
const KEPT_BUNDLE = /^([0-9a-f]{64})\.tar\.gz$/
const LAST_GOOD = 'last-good.json'

/** The policies that took a decision, or would. */
export interface Wanted {
  readonly entrypoint: string
  /** Absent where any will do, such as those that the cluster runs. */
  readonly revision?: string | undefined
  /** The name of the bundle, where it came by one. */
  readonly bundle?: string | undefined
}

/** Where to look. */
export interface Places {
  readonly dataDir: string
  readonly nats: string | undefined
  readonly bundle: string | undefined
  readonly policies: string | undefined
}

/**
 * The policies that are wanted: of a file or a folder that was named, else as the decision points
 * on this machine have kept them, else from the cluster.
 * @throws {CliError} `policy_not_found`, `bad_file` @throws {PolicyError}
 */
export async function findPolicy(
  wanted: Wanted,
  places: Places,
  context: CommandContext,
): Promise<ExplainablePolicy> {
  if (places.bundle !== undefined) return await ofFile(wanted, places.bundle)
  if (places.policies !== undefined) return await ofFolder(wanted, places.policies, places, context)
  const looked: string[] = []
  const kept = await ofCache(wanted, places.dataDir, looked)
  const found = kept ?? (await ofCluster(wanted, places, looked))
  if (found !== undefined) return found
  const what = wanted.revision === undefined ? 'no policies' : `no policies \`${wanted.revision}\``
  throw notFound(
    `there are ${what}, neither ${looked.join(', nor ')}: name them with \`--bundle\` or \`--policies\``,
  )
}

async function ofFile(wanted: Wanted, file: string): Promise<ExplainablePolicy> {
  const archive = await readNamedFile(file)
  const [, keptAs] = KEPT_BUNDLE.exec(path.basename(file)) ?? []
  return matching(await explainable(archive, keptAs), wanted, `\`${file}\``)
}

async function ofFolder(
  wanted: Wanted,
  sources: string,
  { dataDir }: Places,
  { env, stop, terminal }: CommandContext,
): Promise<ExplainablePolicy> {
  const onProgress = (doing: string) => terminal.error(terminal.paint('dim', doing))
  const opa = await provide('opa', { env, signal: stop, onProgress })
  const cacheDir = path.join(path.resolve(dataDir), 'explain')
  const entrypoints = [wanted.entrypoint]
  const { revision } = await buildBundle({ opa, sources, entrypoints, cacheDir, signal: stop })
  const archive = await readNamedFile(path.join(cacheDir, 'bundles', `${revision}.tar.gz`))
  return matching(await explainable(archive, revision), wanted, `\`${sources}\``)
}

/** As `verdict dev` and decision points on this machine keep what they have built. */
async function ofCache(
  { revision: wanted }: Wanted,
  dataDir: string,
  looked: string[],
): Promise<ExplainablePolicy | undefined> {
  const folder = path.join(path.resolve(dataDir), 'authz', 'policies', 'bundles')
  looked.push(`in \`${folder}\``)
  try {
    const revision = wanted ?? (await lastGood(folder))
    if (!DIGEST.test(revision)) return undefined
    return await explainable(await readFile(path.join(folder, `${revision}.tar.gz`)), revision)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function lastGood(folder: string): Promise<string> {
  const note = JSON.parse(await readFile(path.join(folder, LAST_GOOD), 'utf8')) as unknown
  const { revision } = (note ?? {}) as { revision?: unknown }
  return typeof revision === 'string' ? revision : ''
}

/** By the pointer of its name. Who signed it does not matter: it is looked at, and not activated. */
async function ofCluster(
  { revision, bundle }: Wanted,
  { dataDir, nats }: Places,
  looked: string[],
): Promise<ExplainablePolicy | undefined> {
  if (bundle === undefined) return undefined
  try {
    return await asOperator({ dataDir, nats }, 'verdict explain', async (nc) => {
      const pointer = await readPointer(nc, bundle)
      const { revision: current, digest } = namedBy(pointer?.jws)
      looked.push(`as \`${bundle}\` in the cluster, where \`${current ?? 'nothing'}\` is in force`)
      if (current !== revision || typeof digest !== 'string') return undefined
      const options = { timeoutMs: READ_TIMEOUT_MS, bytesMax: BUNDLE_BYTES_MAX }
      return await explainable(await readBundle(nc, digest, options))
    })
  } catch (cause) {
    looked.push(`as \`${bundle}\` in the cluster (${messageOf(cause)})`)
    return undefined
  }
}

/** What a pointer says, whoever has signed it. */
function namedBy(jws = ''): { readonly revision?: unknown; readonly digest?: unknown } {
  try {
    const payload = Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString('utf8')
    return (JSON.parse(payload) as object | null) ?? {}
  } catch {
    // It names no bundle then.
    return {}
  }
}

function matching(
  policy: ExplainablePolicy,
  { revision }: Wanted,
  where: string,
): ExplainablePolicy {
  if (revision === undefined || policy.revision === revision) return policy
  throw notFound(
    `the decision was taken by \`${revision}\`, and ${where} is \`${policy.revision}\`: ` +
      'name the policies as they were then',
  )
}

function notFound(message: string): CliError {
  return new CliError(CliErrorCode.policyNotFound, message)
}
