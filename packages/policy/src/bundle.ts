import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { parseTar } from 'nanotar'
import { PolicyError, PolicyErrorCode } from './errors.ts'

/** An archive that unpacks to more is refused. */
const BUNDLE_BYTES_MAX = 512 * 1024 ** 2
/** As nanotar names them: without the `/` that OPA writes before them. */
const MODULE = 'policy.wasm'
const DATA = 'data.json'

/** Policies that passed their checks and tests, compiled. */
export interface Bundle {
  /** SHA-256, in hex, of the sources and the entrypoints. */
  readonly revision: string
  /** The rules that can be asked, such as `envoy/authz/allow`. */
  readonly entrypoints: readonly string[]
  readonly wasm: Uint8Array
  /** JSON, as OPA wrote it: parsed here, its integers would lose their last digits. */
  readonly data: Uint8Array
}

const unzip = promisify(gunzip)

/** Takes the archive apart that `opa build` wrote. @throws {PolicyError} `bundle_malformed` */
export async function parseBundle(
  archive: Uint8Array,
  { revision, entrypoints }: Pick<Bundle, 'revision' | 'entrypoints'>,
): Promise<Bundle> {
  const files = new Map<string, Uint8Array>()
  try {
    const tar = await unzip(archive, { maxOutputLength: BUNDLE_BYTES_MAX })
    for (const { name, data } of parseTar(tar)) if (data) files.set(name, data)
  } catch (cause) {
    throw malformed(revision, 'is damaged', cause)
  }
  const wasm = files.get(MODULE)
  const data = files.get(DATA)
  if (wasm === undefined) throw malformed(revision, `has no \`${MODULE}\``)
  if (data === undefined) throw malformed(revision, `has no \`${DATA}\``)
  return { revision, entrypoints, wasm, data }
}

function malformed(revision: string, why: string, cause?: unknown): PolicyError {
  return new PolicyError(
    PolicyErrorCode.bundleMalformed,
    `the built bundle \`${revision}\` ${why}: build it again`,
    { cause },
  )
}
