import { messageOf } from '@verdict/contract'
import {
  type CryptoKey,
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JWTVerifyGetKey,
  type RemoteJWKSet,
} from 'jose'
import { AuthnError, AuthnErrorCode } from './errors.ts'
import { KEYS_BYTES_MAX, type KeyListener, type KeySource, parseKeySet } from './key-set.ts'

export interface KeyUrlOptions {
  /** Keys are fetched anew, beside the verification, when they are older than this. */
  readonly refreshMs: number
  /** Keys are used up to this age while the URL fails. */
  readonly staleMaxMs: number
  /** The least time between two fetches that unknown keys or failures cause. */
  readonly cooldownMs: number
  readonly timeoutMs: number
}

/**
 * A JWK Set at a URL. Verification goes on with the keys that are known while the URL is down; a
 * key that is not known causes one fetch, and no other until the cool-down is over.
 */
export class KeyUrl implements KeySource {
  readonly #url: URL
  readonly #options: KeyUrlOptions
  readonly #listener: KeyListener
  readonly #set: RemoteJWKSet
  #refreshAtMs = 0
  #failure: { readonly error: AuthnError; readonly untilMs: number } | undefined

  constructor(url: URL, options: KeyUrlOptions, listener: KeyListener) {
    this.#url = url
    this.#options = options
    this.#listener = listener
    this.#set = createRemoteJWKSet(url, {
      timeoutDuration: options.timeoutMs,
      cooldownDuration: options.cooldownMs,
      cacheMaxAge: options.staleMaxMs,
      [customFetch]: (address, init) => this.#fetch(address, init),
    })
  }

  get loaded(): boolean {
    return this.#set.fresh
  }

  readonly find: JWTVerifyGetKey<CryptoKey> = async (header, token) => {
    if (this.#set.fresh) this.refreshWhenDue()
    try {
      return await this.#set(header, token)
    } catch (thrown) {
      throw isJudgement(thrown) ? thrown : this.#unavailable(thrown)
    }
  }

  /** Fetches the keys where they are old or not there yet; nobody waits for it. */
  refreshWhenDue(): void {
    if (Date.now() < this.#refreshAtMs || this.#set.reloading) return
    // The listener was told of the failure, and the next one who needs a new key is told too.
    this.#set.reload().catch(() => undefined)
  }

  /** Fetches once, or repeats the last failure while the cool-down that follows it lasts. */
  async #fetch(...[url, init]: Parameters<FetchImplementation>): Promise<Response> {
    if (this.#failure !== undefined && Date.now() < this.#failure.untilMs) throw this.#failure.error
    try {
      const text = await fetchBounded(url, init)
      const { keys } = parseKeySet(text)
      this.#failure = undefined
      this.#refreshAtMs = Date.now() + this.#options.refreshMs
      this.#listener.onRefreshed(keys.length)
      return new Response(text)
    } catch (thrown) {
      const error = this.#unavailable(thrown)
      this.#failure = { error, untilMs: Date.now() + this.#options.cooldownMs }
      this.#refreshAtMs = this.#failure.untilMs
      this.#listener.onRefreshFailed(error)
      throw error
    }
  }

  #unavailable(cause: unknown): AuthnError {
    if (cause instanceof AuthnError && cause.code === AuthnErrorCode.keysUnavailable) return cause
    const why = cause instanceof TypeError && cause.cause ? cause.cause : cause
    const message = `the keys at \`${this.#url.href}\` can't be had: ${messageOf(why)}`
    return new AuthnError(AuthnErrorCode.keysUnavailable, message, { cause })
  }
}

/** Errors that say something about the token, and not about the keys. */
function isJudgement(thrown: unknown): boolean {
  return (
    thrown instanceof errors.JWKSNoMatchingKey ||
    thrown instanceof errors.JWKSMultipleMatchingKeys ||
    thrown instanceof errors.JOSENotSupported
  )
}

async function fetchBounded(...[url, init]: Parameters<FetchImplementation>): Promise<string> {
  const response = await fetch(url, init)
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new AuthnError(AuthnErrorCode.malformedKeys, `the status is ${response.status}, not 200`)
  }
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > KEYS_BYTES_MAX) {
      const message = `the set is longer than ${KEYS_BYTES_MAX} bytes`
      throw new AuthnError(AuthnErrorCode.malformedKeys, message)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
