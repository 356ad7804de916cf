import { execFile } from 'node:child_process'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { putBundle, putPointer, readPointer } from '@verdict/bus'
import type { BundleKey, BundlePointer } from '@verdict/policy'
import type { NatsConnection } from 'nats'
import { opaBinary, writeFiles } from './opa.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const OPA_TIMEOUT_MS = 60_000
const run = promisify(execFile)

/** A key that signs bundles, and how a file of bundles names it. */
export interface TestBundleKey {
  readonly signing: BundleKey
  readonly described: { readonly algorithm: string; readonly publicKey: string }
}

export function bundleKey(id: string, algorithm: 'EdDSA' | 'ES256' = 'EdDSA'): TestBundleKey {
  const { privateKey, publicKey } =
    algorithm === 'EdDSA'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  return {
    signing: { id, algorithm, key: privateKey },
    described: { algorithm, publicKey: pem },
  }
}

export interface TestBundleOptions {
  /** Rego and data by file name. */
  readonly files: Readonly<Record<string, string>>
  /** Without them there is only Rego in the bundle. */
  readonly entrypoints?: readonly string[]
  readonly roots: readonly string[]
  readonly revision: string
  /** Signs it. */
  readonly key?: TestBundleKey
}

/** A bundle as OPA itself builds it: without a plan, ordered by its revision. */
export async function opaBundle(options: TestBundleOptions): Promise<Uint8Array> {
  const { files, entrypoints = [], roots, revision, key } = options
  await using folder = temporaryDirectory()
  const manifest = JSON.stringify({ revision, roots, rego_version: 1 })
  writeFiles(folder.path, { ...files, '.manifest': manifest })
  await using output = temporaryDirectory()
  const file = join(output.path, 'bundle.tar.gz')
  const rules = entrypoints.flatMap((entrypoint) => ['--entrypoint', entrypoint])
  const target = entrypoints.length === 0 ? [] : ['--target', 'wasm', ...rules]
  const args = ['build', '--bundle', ...target, '--output', file, '.']
  await run(await opaBinary(), args, { cwd: folder.path, timeout: OPA_TIMEOUT_MS })
  const archive = readFileSync(file)
  // Most tests that use this package have no need of policies.
  const { signBundle } = await import('@verdict/policy')
  return key === undefined ? archive : await signBundle(archive, key.signing)
}

export function digestOf(archive: Uint8Array): string {
  return createHash('sha256').update(archive).digest('hex')
}

/** The signed pointer of an archive that a serial orders as its revision does. */
export async function pointerTo(
  archive: Uint8Array,
  about: Pick<BundlePointer, 'name' | 'revision' | 'version' | 'rollback'>,
  key: TestBundleKey,
): Promise<string> {
  const [digest, size, serial] = [digestOf(archive), archive.length, Number(about.revision)]
  const { signPointer } = await import('@verdict/policy')
  return await signPointer({ ...about, serial, digest, size }, key.signing)
}

/** Stores an archive, and puts a pointer in force, whatever is in force before. */
export async function pushBundle(
  publisher: NatsConnection,
  pushed: { readonly archive: Uint8Array; readonly name: string; readonly jws: string },
): Promise<void> {
  const { archive, name, jws } = pushed
  await putBundle(publisher, archive, digestOf(archive))
  await putPointer(publisher, name, { jws, replaces: await readPointer(publisher, name) })
}
