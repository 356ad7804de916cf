import { readFile, stat } from 'node:fs/promises'
import { messageOf } from '@verdict/contract'
import { type CryptoKey, createLocalJWKSet, errors, type JWTVerifyGetKey } from 'jose'
import { AuthnError, AuthnErrorCode } from './errors.ts'
import { KEYS_BYTES_MAX, type KeyListener, type KeySource, parseKeySet } from './key-set.ts'

/** Whether the file changed is looked up at most this often, and at every unknown key. */
const CHECK_INTERVAL_MS = 1000

type Keys = JWTVerifyGetKey<CryptoKey>

/** A JWK Set in a file, read again when it changes; a broken file leaves the keys as they are. */
export class KeyFile implements KeySource {
  /** Without keys there is no KeyFile. */
  readonly loaded = true
  readonly #path: string
  readonly #listener: KeyListener
  #keys: Keys
  /** What the file system said of the content that was read last. */
  #stamp: string
  #checkedAtMs = Date.now()
  #checking: Promise<void> | undefined

  private constructor(path: string, listener: KeyListener, first: { keys: Keys; stamp: string }) {
    this.#path = path
    this.#listener = listener
    this.#keys = first.keys
    this.#stamp = first.stamp
  }

  /** @throws {AuthnError} `malformed_keys`, `keys_unavailable` */
  static async open(path: string, listener: KeyListener): Promise<KeyFile> {
    const stamp = await stampOf(path)
    const { keys } = await read(path)
    return new KeyFile(path, listener, { keys, stamp })
  }

  readonly find: Keys = async (header, token) => {
    if (Date.now() - this.#checkedAtMs >= CHECK_INTERVAL_MS) await this.#check()
    const known = this.#keys
    try {
      return await known(header, token)
    } catch (thrown) {
      if (!(thrown instanceof errors.JWKSNoMatchingKey)) throw thrown
      await this.#check()
      if (this.#keys === known) throw thrown
      return await this.#keys(header, token)
    }
  }

  /** Reads the file if it changed; those who ask meanwhile wait for the same reading. */
  async #check(): Promise<void> {
    this.#checking ??= this.#reread().finally(() => {
      this.#checking = undefined
    })
    await this.#checking
  }

  async #reread(): Promise<void> {
    const stamp = await stampOf(this.#path).catch(() => 'missing')
    this.#checkedAtMs = Date.now()
    if (stamp === this.#stamp) return
    // Kept before the reading: a change while it is read shows as another change.
    this.#stamp = stamp
    try {
      const { keys, count } = await read(this.#path)
      this.#keys = keys
      this.#listener.onRefreshed(count)
    } catch (thrown) {
      if (!(thrown instanceof AuthnError)) throw thrown
      this.#listener.onRefreshFailed(thrown)
    }
  }
}

async function read(path: string): Promise<{ keys: Keys; count: number }> {
  const set = parseKeySet(await readBounded(path))
  return { keys: createLocalJWKSet(set), count: set.keys.length }
}

async function readBounded(path: string): Promise<string> {
  try {
    const { size } = await stat(path)
    if (size > KEYS_BYTES_MAX) {
      const message = `\`${path}\` is longer than ${KEYS_BYTES_MAX} bytes`
      throw new AuthnError(AuthnErrorCode.malformedKeys, message)
    }
    return await readFile(path, 'utf8')
  } catch (thrown) {
    throw thrown instanceof AuthnError ? thrown : unavailable(path, thrown)
  }
}

async function stampOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true })
    return `${ino} ${size} ${mtimeNs}`
  } catch (thrown) {
    throw unavailable(path, thrown)
  }
}

function unavailable(path: string, cause: unknown): AuthnError {
  const message = `the keys in \`${path}\` can't be read: ${messageOf(cause)}`
  return new AuthnError(AuthnErrorCode.keysUnavailable, message, { cause })
}
