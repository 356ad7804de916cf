import { existsSync } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import {
  encodeSubjectKeys,
  isSealedSubjectKey,
  keyIdsIn,
  type SealedSubjectKey,
} from '@verdict/contract'
import type { Journal } from '@verdict/journal'
import { PersonalError, PersonalErrorCode } from '../errors.ts'

/** Keys that are in no stored message yet: with more, records of further subjects are refused. */
export const WAITING_KEYS_MAX = 250_000

const FILE = /^(\d{4}-\d\d-\d\d)\.keys$/
const FILE_MODE = 0o600

/**
 * The sealed keys of subjects beside a journal, in a file for each day:
 *
 *     <dir>/2026-11-23.keys    one SealedSubjectKey a line, as JSON
 *
 * A key is on disk before the first record that needs it is in the journal, so whoever ships the
 * record finds it, also after a crash. A line that was torn by one belongs to no record.
 */
export class SealedKeys implements AsyncDisposable {
  readonly #dir: string
  /** By id: what has to travel with the first message that needs it. */
  readonly #waiting = new Map<string, SealedSubjectKey>()
  /** Of days that no record uses a key of any more: the last record that may. */
  readonly #ended = new Map<string, number>()
  readonly #journal: SealedFor
  /** By id: those of records that a process before has left; needed until they are stored. */
  readonly #found = new Map<string, SealedSubjectKey>()
  readonly #foundTo: number
  #file: { readonly day: string; readonly handle: FileHandle } | undefined
  #ending: string | undefined
  #gathering = ''
  #writing: Promise<void> | undefined

  private constructor(dir: string, journal: SealedFor) {
    this.#dir = dir
    this.#journal = journal
    this.#foundTo = journal.lastDurable
  }

  /** @throws {PersonalError} `subject_keys_failed` */
  static async open(dir: string, journal: SealedFor): Promise<SealedKeys> {
    return await tried(dir, async () => {
      await mkdir(dir, { recursive: true, mode: 0o700 })
      await sync(path.dirname(path.resolve(dir)))
      const keys = new SealedKeys(dir, journal)
      for (const name of await readdir(dir)) {
        const day = FILE.exec(name)?.[1]
        if (day === undefined) continue
        if (journal.shipped < journal.lastDurable) await keys.#read(path.join(dir, name))
        keys.#ended.set(day, journal.lastDurable)
      }
      return keys
    })
  }

  /** As `open`, where there is anything; it is of a journal that nobody continues. */
  static async openLeft(dir: string, journal: SealedFor): Promise<SealedKeys | undefined> {
    return existsSync(dir) ? await SealedKeys.open(dir, journal) : undefined
  }

  /** How many keys no stored message has. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Resolves when the key is durable. @throws {PersonalError} as a rejection */
  async keep(key: SealedSubjectKey): Promise<void> {
    if (this.#waiting.size >= WAITING_KEYS_MAX) {
      const why = `${WAITING_KEYS_MAX} keys of subjects wait to be shipped: see why they are not`
      throw new PersonalError(PersonalErrorCode.subjectKeysFull, why)
    }
    this.#waiting.set(key.id, key)
    this.#gathering += `${JSON.stringify(key)}\n`
    await tried(this.#dir, async () => {
      // Of what is being written this key is no part, unless nothing is.
      await this.#writing
      this.#writing ??= this.#write().finally(() => {
        this.#writing = undefined
      })
      await this.#writing
    })
  }

  /** The control line that has to travel with these lines of the journal, where they need one. */
  lineFor(lines: Uint8Array): string | undefined {
    if (this.#waiting.size + this.#found.size === 0) return undefined
    const text = Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength).toString('latin1')
    const ids = [...keyIdsIn(text)]
    const needed = ids.map((id) => this.#waiting.get(id) ?? this.#found.get(id))
    const keys = needed.filter((key) => key !== undefined)
    return keys.length === 0 ? undefined : encodeSubjectKeys(keys)
  }

  /** The same where they come again: a key of them may have been lost with its message. */
  async linesAgain(lines: Uint8Array): Promise<string[]> {
    const needed = new Set(keyIdsIn(Buffer.from(lines).toString('latin1')))
    const found = new Map<string, SealedSubjectKey>()
    for (const name of needed.size > 0 ? await readdir(this.#dir) : []) {
      if (!FILE.test(name)) continue
      for (const key of await keysOf(path.join(this.#dir, name))) {
        if (needed.has(key.id)) found.set(key.id, key)
      }
    }
    return found.size === 0 ? [] : [encodeSubjectKeys([...found.values()])]
  }

  /** These lines are stored, and so is the control line for them. */
  stored(lines: Uint8Array): void {
    if (this.#journal.shipped >= this.#foundTo) this.#found.clear()
    if (this.#waiting.size === 0) return
    const text = Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength).toString('latin1')
    for (const id of keyIdsIn(text)) this.#waiting.delete(id)
  }

  /** Deletes the files whose records are all covered by a checkpoint of the log. */
  async release(covered: number): Promise<void> {
    const days = [...this.#ended].filter(([, lastN]) => lastN <= covered).map(([day]) => day)
    if (days.length === 0) return
    await tried(this.#dir, async () => {
      for (const day of days) {
        await rm(path.join(this.#dir, `${day}.keys`), { force: true })
        this.#ended.delete(day)
        for (const [id, { at }] of this.#waiting) if (dayOf(at) === day) this.#waiting.delete(id)
      }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing?.catch(() => undefined)
    await this.#file?.handle.close()
  }

  /** All that was gathered, with one sync. */
  async #write(): Promise<void> {
    const text = this.#gathering
    if (text === '') return
    this.#gathering = ''
    const { handle } = await this.#fileOf(dayOf(Date.now()))
    await handle.appendFile(text)
    await handle.datasync()
  }

  async #fileOf(day: string) {
    if (this.#file?.day === day) return this.#file
    await this.#file?.handle.close()
    // Records with keys of the last day may be on their way; those of the days before are there.
    if (this.#ending !== undefined) this.#ended.set(this.#ending, this.#journal.lastDurable)
    this.#ending = this.#file?.day
    this.#file = undefined
    this.#ended.delete(day)
    const handle = await open(path.join(this.#dir, `${day}.keys`), 'a', FILE_MODE)
    await sync(this.#dir)
    // Behind a line that was torn the next one begins anew.
    await handle.appendFile('\n')
    this.#file = { day, handle }
    return this.#file
  }

  async #read(file: string): Promise<void> {
    for (const key of await keysOf(file)) this.#found.set(key.id, key)
  }
}

async function keysOf(file: string): Promise<SealedSubjectKey[]> {
  return (await readFile(file, 'utf8')).split('\n').map(parsed).filter(isSealedSubjectKey)
}

/** The journal whose records the keys are for. */
export type SealedFor = Pick<Journal, 'lastDurable' | 'shipped'>

/** The day of a time, in UTC. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    // Torn, and so of no record; or empty.
    return undefined
  }
}

async function sync(dir: string): Promise<void> {
  await using handle = await open(dir)
  await handle.sync()
}

async function tried<T>(dir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof PersonalError) throw cause
    const why = `the keys of subjects can't be kept in \`${dir}\`: see to the disk`
    throw new PersonalError(PersonalErrorCode.subjectKeysFailed, why, { cause })
  }
}
