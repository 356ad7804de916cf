import { createHash } from 'node:crypto'
import { readdir, readFile, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { messageOf } from '@verdict/contract'
import { createDirectory, DRAFT, writeDurably } from '@verdict/journal'
import type { Known } from '@verdict/policy'
import { BundlesError, BundlesErrorCode } from '../errors.ts'

const STATE = 'state.json'
const TURN = 'turn'
const ARCHIVE = /^([0-9a-f]{64})\.tar\.gz$/
/** Another process writes for as long as one archive takes to be on disk. */
const TURN_TIMEOUT_MS = 30_000
const TURN_POLL_MS = 10
const SQLITE_BUSY = 5
const STATE_BYTES_MAX = 64 * 1024

/** What is noted of the bundle that was activated last under a name. */
export interface BundleState extends Known {
  /** SHA-256 of the archive, in hex. */
  readonly digest: string
  /** The signed pointer that it came by. */
  readonly pointer?: string
  /** What its server calls this archive. */
  readonly etag?: string
}

/**
 * The last good bundle of one name, and the marks that no older one may fall below:
 *
 *     <folder>/<digest>.tar.gz   the archive, as it was signed
 *     <folder>/state.json        a BundleState, and SHA-256 of that line
 *     <folder>/turn              locked by the process that writes
 *
 * A file is there whole or not at all. Processes may share a folder.
 */
export class BundleStore {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** @throws {BundlesError} `bundle_store_failed` */
  static async open(folder: string): Promise<BundleStore> {
    await tried(folder, () => createDirectory(folder))
    return new BundleStore(folder)
  }

  /**
   * What was activated last, by any process; undefined where nothing ever was.
   * @throws {BundlesError} `bundle_state_damaged`
   */
  async state(): Promise<BundleState | undefined> {
    const file = path.join(this.#folder, STATE)
    const text = await tried(this.#folder, async () => {
      const size = (await stat(file).catch(missing))?.size
      if (size === undefined) return undefined
      return size > STATE_BYTES_MAX ? '' : await readFile(file, 'utf8')
    })
    if (text === undefined) return undefined
    const [line = '', digest] = text.split('\n')
    if (digest === sha256(line)) return JSON.parse(line) as BundleState
    throw new BundlesError(
      BundlesErrorCode.bundleStateDamaged,
      `\`${file}\` is damaged, so it can't be told which bundles are older than what was in force: ` +
        'restore it, or delete its folder to accept any bundle that is signed',
    )
  }

  /** Undefined where it is not there. @throws {BundlesError} `bundle_store_failed` */
  async archive(digest: string): Promise<Uint8Array | undefined> {
    const file = path.join(this.#folder, `${digest}.tar.gz`)
    return await tried(this.#folder, () => readFile(file).catch(missing))
  }

  /**
   * Notes a bundle as the last good one, which is on disk when this resolves, and returns what is
   * noted; undefined where another process has noted a newer one meanwhile.
   * @throws {BundlesError} `bundle_store_failed`, `bundle_state_damaged`
   */
  async keep(
    archive: Uint8Array,
    { digest, ...offered }: BundleState,
  ): Promise<BundleState | undefined> {
    using _turn = await tried(this.#folder, () => turn(path.join(this.#folder, TURN)))
    const known = await this.state()
    if (known !== undefined && isNewer(known, offered)) return undefined
    const serial = Math.max(offered.serial, known?.serial ?? offered.serial)
    const state: BundleState = { ...offered, digest, serial }
    const line = JSON.stringify(state)
    await tried(this.#folder, async () => {
      const file = path.join(this.#folder, `${digest}.tar.gz`)
      const there = await readFile(file).catch(missing)
      if (there?.equals(archive) !== true) await writeDurably(file, archive)
      await writeDurably(path.join(this.#folder, STATE), `${line}\n${sha256(line)}\n`)
      await this.#prune(digest)
    })
    return state
  }

  /** Nobody else writes now: a draft was left by a process that died. */
  async #prune(kept: string): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      const file = path.join(this.#folder, name)
      const digest = ARCHIVE.exec(name)?.[1]
      const isOld = digest !== undefined && digest !== kept
      if (isOld || name.endsWith(DRAFT)) await rm(file, { force: true })
    }
  }
}

/** Of pointers the version says it; without one, the serial does. */
function isNewer(known: Known, offered: Known): boolean {
  if (known.version !== undefined && offered.version !== undefined) {
    return known.version > offered.version
  }
  return known.serial > offered.serial
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** For a `catch`: what is not there is no fault. */
function missing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}

/** The lock is the kernel's, through an empty database: it goes with its process. */
async function turn(file: string): Promise<Disposable> {
  const database = new DatabaseSync(file, { timeout: 0 })
  const deadlineMs = performance.now() + TURN_TIMEOUT_MS
  for (;;) {
    try {
      database.exec('BEGIN EXCLUSIVE')
      return { [Symbol.dispose]: () => database.close() }
    } catch (error) {
      const isBusy = error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
      if (!isBusy || performance.now() > deadlineMs) {
        database.close()
        throw error
      }
    }
    await delay(TURN_POLL_MS)
  }
}

async function tried<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw new BundlesError(
      BundlesErrorCode.bundleStoreFailed,
      `the last good bundle can't be kept in \`${folder}\`: ${messageOf(cause)}`,
      { cause },
    )
  }
}
