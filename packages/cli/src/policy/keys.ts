import path from 'node:path'
import { type BundleKey, readSigningKey, VerificationKeys } from '@verdict/policy'
import { readNamedFile, readNamedJson } from './files.ts'

/** How the keys of bundles are named on the command line. */
export const signingOptions = {
  'key-id': {
    kind: 'text',
    value: 'ID',
    help: 'what the key is called (default: the name of its file)',
  },
  scope: {
    kind: 'text',
    value: 'SCOPE',
    help: 'what the key signs for, if it is trusted for that',
  },
} as const

/** A private key from a file. @throws {CliError} `bad_file`, {PolicyError} */
export async function signingKeyOf(
  file: string,
  { 'key-id': id, scope }: { 'key-id': string | undefined; scope: string | undefined },
): Promise<BundleKey> {
  const pem = (await readNamedFile(file)).toString('utf8')
  return readSigningKey(pem, { id: id ?? keyIdOf(file), scope })
}

/** The trusted keys from a file of JSON. @throws {CliError} `bad_file`, {PolicyError} */
export async function trustedKeysOf(file: string): Promise<VerificationKeys> {
  return VerificationKeys.parse(await readNamedJson(file), { folder: path.dirname(file) })
}

/** `ops` of `keys/ops.pem`. */
export function keyIdOf(file: string): string {
  return path.basename(file).replace(/\.[^.]+$/, '')
}
