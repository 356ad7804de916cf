import { CompactSign } from 'jose'
import { packFiles, unpackBundle } from './archive.ts'
import { digestOf, HASH_ALGORITHM, hashFile, isStructured } from './hash.ts'
import type { BundleKey } from './keys.ts'
import { readManifest } from './manifest.ts'
import { FILES } from './names.ts'

/** Who is told to have signed. */
const ISSUER = 'verdict'

/** What a signature says, as OPA has it. */
export interface SignedContent {
  readonly files: readonly SignedFile[]
  /** OPA's older place for the id of the key; `kid` in the header is the newer one. */
  readonly keyid?: string
  readonly scope?: string
  readonly iss?: string
  /**
   * Of ours: SHA-256 of the bytes of files whose hash is of what they say. Nothing of a bundle can
   * be changed then, not even a blank; others skip what they do not know.
   */
  readonly verdict?: { readonly bytes: Readonly<Record<string, string>> }
}

export interface SignedFile {
  readonly name: string
  readonly hash: string
  readonly algorithm: string
}

/**
 * The archive with a signature, in place of any that it had: the same key makes the same one with
 * Ed25519. @throws {PolicyError} `bundle_malformed`
 */
export async function signBundle(archive: Uint8Array, key: BundleKey): Promise<Uint8Array> {
  const files = new Map(await unpackBundle(archive))
  files.delete(FILES.signatures)
  readManifest(files)
  const content: SignedContent = {
    files: [...files].map(([name, bytes]) => ({
      name,
      hash: hashFile(name, bytes, HASH_ALGORITHM) ?? '',
      algorithm: HASH_ALGORITHM,
    })),
    keyid: key.id,
    ...(key.scope !== undefined && { scope: key.scope }),
    iss: ISSUER,
    verdict: {
      bytes: Object.fromEntries(
        [...files]
          .filter(([name]) => isStructured(name))
          .map(([name, bytes]) => [name, digestOf(bytes)]),
      ),
    },
  }
  const token = await new CompactSign(Buffer.from(JSON.stringify(content)))
    .setProtectedHeader({ alg: key.algorithm, typ: 'JWT', kid: key.id })
    .sign(key.key)
  files.set(FILES.signatures, Buffer.from(`${JSON.stringify({ signatures: [token] })}\n`))
  return await packFiles(files)
}
