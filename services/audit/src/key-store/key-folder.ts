import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import {
  DECISIONS,
  isPersonalKeyFile,
  type PseudonymKey,
  parsePersonalKeyFile,
  type SealingKeyPair,
  sealingKeyId,
} from '@verdict/contract'
import { diskFs } from '../log/log-fs.ts'

/**
 * A key that seals no more is destroyed after this long: by then the stream has let go of the
 * messages with keys that were sealed to it.
 */
export const SEALING_KEY_GRACE_MS: number = DECISIONS.maxAgeMs

/** What is about to be destroyed is no key any more. */
const GONE = '.gone'

interface SealingFile {
  readonly file: string
  readonly fromMs: number
  readonly pair: SealingKeyPair
}

/** The files of the key store: what opens the keys of subjects, and what makes their pseudonyms. */
export class KeyFolder {
  readonly #dir: string
  #sealing: readonly SealingFile[] = []
  #pseudonyms: readonly PseudonymKey[] = []

  /** @throws {ContractError} `malformed_personal_keys` */
  constructor(dir: string) {
    this.#dir = dir
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    this.read()
  }

  /** The key of the pseudonyms of each period. */
  get pseudonyms(): readonly PseudonymKey[] {
    return this.#pseudonyms
  }

  /** The pair that opens what was sealed to it. */
  sealing(id: string): SealingKeyPair | undefined {
    return this.#sealing.find(({ pair }) => sealingKeyId(pair.publicKey) === id)?.pair
  }

  /** Reads the files again: a rotation adds some. @throws {ContractError} */
  read(): void {
    const sealing: SealingFile[] = []
    const pseudonyms: PseudonymKey[] = []
    const names = readdirSync(this.#dir)
    // Of a process that was killed while it destroyed them.
    for (const name of names) if (name.endsWith(GONE)) destroy(path.join(this.#dir, name))
    for (const name of names.filter(isPersonalKeyFile)) {
      const file = path.join(this.#dir, name)
      const key = parsePersonalKeyFile(name, readFileSync(file, 'utf8'))
      if (key.kind === 'sealing') sealing.push({ file, fromMs: key.fromMs, pair: key.pair })
      else pseudonyms.push(key.pseudonym)
    }
    this.#sealing = sealing.toSorted((a, b) => a.fromMs - b.fromMs)
    this.#pseudonyms = pseudonyms
  }

  /** Destroys the sealing keys whose time is over; tells how many. */
  destroyRetired(nowMs: number): number {
    const retired = this.#sealing.filter((_, at) => {
      const next = this.#sealing[at + 1]
      return next !== undefined && next.fromMs + SEALING_KEY_GRACE_MS < nowMs
    })
    if (retired.length === 0) return 0
    for (const { file } of retired) renameSync(file, `${file}${GONE}`)
    diskFs(this.#dir).syncDir('.')
    this.read()
    return retired.length
  }
}

/** Overwritten before it goes: where a file system writes in place, nothing of it is left. */
function destroy(file: string): void {
  const fd = openSync(file, 'r+')
  try {
    writeSync(fd, Buffer.alloc(statSync(file).size))
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  rmSync(file)
}
