import { PolicyError, PolicyErrorCode } from '../errors.ts'
import type { SourceFile } from '../sources.ts'
import { type BundleFiles, unpackBundle } from './archive.ts'
import { type Bundle, bundleOf } from './bundle.ts'
import { verifyRoots } from './content-roots.ts'
import { dataOf, isData } from './data-files.ts'
import { digestOf, hashFile } from './hash.ts'
import type { VerificationKeys } from './keys.ts'
import { type Manifest, readManifest } from './manifest.ts'
import { FILES, REGO } from './names.ts'
import { malformed } from './refusals.ts'
import type { SignedContent } from './sign.ts'
import { verifySignature } from './signature.ts'

/** A bundle whose signature, files and roots were verified. */
export interface SignedBundle extends Bundle {
  readonly roots: readonly string[]
  /** By which bundles of one name are ordered. */
  readonly serial: number
  /** SHA-256 of the archive, in hex. */
  readonly digest: string
  /** Of the key that signed it. */
  readonly keyId: string
  /** Rego and data of a bundle that has no module: `compileSigned` makes one of them. */
  readonly uncompiled?: readonly SourceFile[]
}

const WHOLE_NUMBER = /^(?:0|[1-9]\d{0,15})$/

/**
 * Takes a bundle only where a trusted key has signed it, all of it, and it keeps to its roots.
 * @throws {PolicyError} `bundle_malformed`, `bundle_unsigned`, `bundle_key_unknown`,
 *   `bundle_signature_invalid`, `bundle_tampered`, `bundle_roots_violated`, `bundle_unordered`
 */
export async function verifyBundle(
  archive: Uint8Array,
  keys: VerificationKeys,
): Promise<SignedBundle> {
  const files = await unpackBundle(archive)
  const { content, keyId } = await verifySignature(files, keys)
  verifyFiles(files, content)
  const manifest = readManifest(files)
  const bundle = files.has(FILES.module) ? bundleOf(files, manifest) : uncompiledOf(files, manifest)
  verifyRoots(files, bundle.data, manifest)
  const serial = serialOf(manifest)
  return { ...bundle, roots: manifest.roots, serial, digest: digestOf(archive), keyId }
}

/** @throws {PolicyError} `bundle_malformed` where there is nothing to compile */
function uncompiledOf(files: BundleFiles, { revision }: Manifest) {
  const uncompiled = [...files]
    .filter(([name]) => REGO.test(name) || isData(name))
    .map(([name, bytes]) => ({ path: name, bytes }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
  if (!uncompiled.some(({ path }) => REGO.test(path)))
    throw malformed('has neither module nor Rego')
  return { revision, entrypoints: [], wasm: new Uint8Array(), data: dataOf(files), uncompiled }
}

/** @throws {PolicyError} `bundle_digest_mismatch` where an archive is not the one that is meant */
export function verifyDigest(archive: Uint8Array, digest: string): void {
  const found = digestOf(archive)
  if (found === digest) return
  throw new PolicyError(
    PolicyErrorCode.bundleDigestMismatch,
    `the bundle has the digest ${found}, and ${digest} is meant: fetch or publish it again`,
  )
}

/** Each file as it was signed, and no other. */
function verifyFiles(files: BundleFiles, { files: signed, verdict }: SignedContent): void {
  const missing = new Map(signed.map((file) => [file.name, file]))
  for (const [name, bytes] of files) {
    if (name === FILES.signatures) continue
    const file = missing.get(name)
    if (file === undefined) throw tampered(`\`${name}\` was added to it`)
    missing.delete(name)
    const exact = verdict?.bytes[name]
    const same =
      exact === undefined
        ? hashFile(name, bytes, file.algorithm) === file.hash.toLowerCase()
        : digestOf(bytes) === exact
    if (!same) throw tampered(`\`${name}\` was changed`)
  }
  for (const name of missing.keys()) throw tampered(`\`${name}\` is missing`)
}

function serialOf({ serial, revision }: Manifest): number {
  if (serial !== undefined) return serial
  const number = WHOLE_NUMBER.test(revision) ? Number(revision) : Number.NaN
  if (Number.isSafeInteger(number)) return number
  throw new PolicyError(
    PolicyErrorCode.bundleUnordered,
    `nothing tells whether the bundle \`${revision}\` is older or newer than others: ` +
      'build it with `--serial`, or with a whole number as its revision',
  )
}

function tampered(what: string): PolicyError {
  return new PolicyError(
    PolicyErrorCode.bundleTampered,
    `the bundle is not as it was signed: ${what}; fetch it again, or sign what you have built`,
  )
}
