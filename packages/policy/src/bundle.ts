import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { createTarGzip, parseTar } from 'nanotar'
import { PolicyError, PolicyErrorCode } from './errors.ts'
import { exactBuffer } from './exact-buffer.ts'

/** An archive that unpacks to more is refused. */
const BUNDLE_BYTES_MAX = 512 * 1024 ** 2
/** As nanotar names them: without the `/` that OPA writes before them. */
const MODULE = 'policy.wasm'
const DATA = 'data.json'
const PLAN = 'plan.json'
const RULE_INDEX = 'rule-index.json'

/** Policies that passed their checks and tests, compiled. */
export interface Bundle {
  /** SHA-256, in hex, of the sources and the entrypoints. */
  readonly revision: string
  /** The rules that can be asked, such as `envoy/authz/allow`. */
  readonly entrypoints: readonly string[]
  readonly wasm: Uint8Array
  /** JSON, as OPA wrote it: parsed here, its integers would lose their last digits. */
  readonly data: Uint8Array
  /** JSON: what the module was compiled from, as a Plan. */
  readonly plan: Uint8Array
  /** JSON, as a RuleIndexReport: what became of the rules; not there where it was switched off. */
  readonly ruleIndex?: Uint8Array
}

/** What a bundle is made of. */
export interface BundleParts {
  /** The archive that `opa build` wrote of the module. */
  readonly wasm: Uint8Array
  /** The archive that it wrote of the plan. */
  readonly plan: Uint8Array
  readonly ruleIndex?: Uint8Array
}

const unzip = promisify(gunzip)

/** Takes the archive apart that `bundleArchive` made. @throws {PolicyError} `bundle_malformed` */
export async function parseBundle(
  archive: Uint8Array,
  { revision, entrypoints }: Pick<Bundle, 'revision' | 'entrypoints'>,
): Promise<Bundle> {
  const files = await unpack(archive).catch((cause: unknown) => {
    throw malformed(revision, 'is damaged', cause)
  })
  const file = (name: string) => {
    const bytes = files.get(name)
    if (bytes === undefined) throw malformed(revision, `has no \`${name}\``)
    return bytes
  }
  const ruleIndex = files.get(RULE_INDEX)
  return {
    revision,
    entrypoints,
    wasm: file(MODULE),
    data: file(DATA),
    plan: file(PLAN),
    ...(ruleIndex && { ruleIndex }),
  }
}

/** `opa build` writes a module or a plan: one archive with both, in OPA's bundle format. */
export async function bundleArchive(parts: BundleParts): Promise<Uint8Array> {
  const files = await unpack(parts.wasm)
  const plan = (await unpack(parts.plan)).get(PLAN)
  if (plan !== undefined) files.set(PLAN, plan)
  if (parts.ruleIndex !== undefined) files.set(RULE_INDEX, parts.ruleIndex)
  return await createTarGzip([...files].map(([name, data]) => ({ name, data })))
}

async function unpack(archive: Uint8Array): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  const tar = await unzip(archive, { maxOutputLength: BUNDLE_BYTES_MAX })
  // It reads the whole buffer that bytes are in, whatever else is there.
  for (const { name, data } of parseTar(exactBuffer(tar))) if (data) files.set(name, data)
  return files
}

function malformed(revision: string, why: string, cause?: unknown): PolicyError {
  return new PolicyError(
    PolicyErrorCode.bundleMalformed,
    `the built bundle \`${revision}\` ${why}: build it again`,
    { cause },
  )
}
