import { readFileSync, statSync } from 'node:fs'
import { messageOf, type PersonalKeys, parsePersonalKeys } from '@verdict/contract'
import { ConfigError } from '@verdict/service'

/** Where it is named. */
export const PERSONAL_KEYS_ENV = 'VERDICT_AUTHZ_PERSONAL_KEYS'

/** How often it is looked whether the file was replaced, such as by a rotation. */
const LOOK_MS = 10_000

/** The file of VERDICT_AUTHZ_PERSONAL_KEYS, as it was when it was last good. */
export class PersonalKeysFile {
  readonly #file: string
  readonly #onRefused: (error: unknown) => void
  #keys: PersonalKeys
  #stamp: string
  #lookedMs: number = performance.now()

  /** @throws {ConfigError} where it can't be read */
  constructor(file: string, onRefused: (error: unknown) => void) {
    this.#file = file
    this.#onRefused = onRefused
    try {
      this.#stamp = stampOf(file)
      this.#keys = parsePersonalKeys(readFileSync(file, 'utf8'))
    } catch (error) {
      const env = PERSONAL_KEYS_ENV
      throw new ConfigError([{ env, message: `${env} is \`${file}\`: ${messageOf(error)}` }])
    }
  }

  /** What new keys of subjects are made with. */
  get current(): PersonalKeys {
    const now = performance.now()
    if (now - this.#lookedMs >= LOOK_MS) {
      this.#lookedMs = now
      this.#look()
    }
    return this.#keys
  }

  #look(): void {
    try {
      const stamp = stampOf(this.#file)
      if (stamp === this.#stamp) return
      this.#keys = parsePersonalKeys(readFileSync(this.#file, 'utf8'))
      this.#stamp = stamp
    } catch (error) {
      this.#onRefused(error)
    }
  }
}

function stampOf(file: string): string {
  const { ino, mtimeMs, size } = statSync(file)
  return `${ino} ${mtimeMs} ${size}`
}
