import { randomBytes } from 'node:crypto'
import { chmod, link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createUser, fromSeed, type KeyPair } from '@nats-io/nkeys'
import { ROLES, type Role } from '@verdict/contract'
import { BusError, BusErrorCode } from './errors.ts'

const KEY_MODE = 0o600
const KEYS_DIR_MODE = 0o700

/** The file that holds the seed of a role. */
export function seedFile(dir: string, role: Role): string {
  return path.join(dir, `${role}.nk`)
}

/** Makes one seed for each role, and keeps those that exist. Only the owner may read them. */
export async function createKeys(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: KEYS_DIR_MODE })
  for (const role of ROLES) await createKey(seedFile(dir, role))
}

/** The public keys of all roles, which the server's configuration names. @throws {BusError} `bad_key` */
export async function publicKeys(dir: string): Promise<Record<Role, string>> {
  const keys: Partial<Record<Role, string>> = {}
  for (const role of ROLES) keys[role] = (await readKey(seedFile(dir, role))).getPublicKey()
  return keys as Record<Role, string>
}

/** The key pair of a seed file. @throws {BusError} `bad_key` */
export async function readKey(file: string): Promise<KeyPair> {
  try {
    return fromSeed(new TextEncoder().encode((await readFile(file, 'utf8')).trim()))
  } catch (cause) {
    throw new BusError(
      BusErrorCode.badKey,
      `\`${file}\` does not hold a readable nkey seed: restore it, or delete it and start anew`,
      { cause },
    )
  }
}

/** A seed appears whole or not at all, and never in place of another. */
export async function createKey(file: string): Promise<void> {
  const draft = `${file}.${randomBytes(4).toString('hex')}`
  const seed = new TextDecoder().decode(createUser().getSeed())
  await writeFile(draft, `${seed}\n`, { mode: KEY_MODE, flag: 'wx' })
  try {
    await link(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    await chmod(file, KEY_MODE)
  } finally {
    await rm(draft, { force: true })
  }
}
