import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { messageOf } from '@verdict/contract'
import { buildTurn } from './build-turn.ts'
import { type Bundle, parseBundle } from './bundle/bundle.ts'
import { PolicyError, PolicyErrorCode } from './errors.ts'
import type { WantedEntrypoints } from './optional-entrypoints.ts'

/** Bundles that are kept; of more, the oldest go, save the one that a restart would need. */
const CACHED_BUNDLES_MAX = 8
/** Scratch folders and unfinished files older than this were left by a process that died. */
const SCRATCH_AGE_MS_MAX = 3_600_000

const ARCHIVE = /^([0-9a-f]{64})\.tar\.gz$/
const SCRATCH_PREFIX = 'build-'
const SCRATCH = /^build-|\.part$/
const LAST_GOOD = 'last-good.json'
/** Beside the bundles. */
const TURN = '../turn'

/** Which bundle ran last, and what it was built from. */
interface LastGood {
  readonly revision: string
  readonly entrypoints: readonly string[]
  readonly sources: string
}

/**
 * Built bundles on disk, by revision:
 *
 *     <directory>/bundles/<revision>.tar.gz
 *     <directory>/bundles/last-good.json
 *     <directory>/turn                    locked by the process that builds
 *
 * A file is there whole or not at all. Processes may share a directory.
 */
export class BundleCache {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** @throws {PolicyError} `cache_failed` */
  static async open(directory: string): Promise<BundleCache> {
    const folder = path.resolve(directory, 'bundles')
    await tried(folder, () => mkdir(folder, { recursive: true, mode: 0o700 }))
    return new BundleCache(folder)
  }

  /** The bundle of a revision; undefined where it is not there or damaged. */
  async find(wanted: Pick<Bundle, 'revision' | 'entrypoints'>): Promise<Bundle | undefined> {
    try {
      return await parseBundle(await readFile(this.#archive(wanted.revision)), wanted)
    } catch {
      // Whatever is wrong with it, it can be built again.
      return undefined
    }
  }

  /** @throws {PolicyError} `cache_failed` */
  async store(revision: string, archive: Uint8Array): Promise<void> {
    await tried(this.#folder, async () => {
      await writeWhole(this.#archive(revision), archive)
      await this.#prune(revision)
    })
  }

  /** Waits until no other process builds here, at most for so long. @throws {PolicyError} */
  async turn(timeoutMs: number, signal: AbortSignal | undefined): Promise<Disposable> {
    const file = path.join(this.#folder, TURN)
    return await tried(this.#folder, () => buildTurn(file, { timeoutMs, signal }))
  }

  /** Notes that a bundle is good to start with. @throws {PolicyError} `cache_failed` */
  async keepAsLastGood({ revision, entrypoints }: Bundle, sources: string): Promise<void> {
    const note: LastGood = { revision, entrypoints, sources: path.resolve(sources) }
    await tried(this.#folder, () =>
      writeWhole(path.join(this.#folder, LAST_GOOD), Buffer.from(`${JSON.stringify(note)}\n`)),
    )
  }

  /** The bundle that ran last, where it was built from this folder for these entrypoints. */
  async lastGood(
    sources: string,
    { entrypoints, optionalEntrypoints = [] }: WantedEntrypoints,
  ): Promise<Bundle | undefined> {
    const note = await this.#readLastGood()
    if (note?.sources !== path.resolve(sources)) return undefined
    const wanted = note.entrypoints.slice(0, entrypoints.length)
    const others = note.entrypoints.slice(entrypoints.length)
    if (JSON.stringify(wanted) !== JSON.stringify(entrypoints)) return undefined
    if (others.some((one) => !optionalEntrypoints.includes(one))) return undefined
    return await this.find(note)
  }

  /** The prefix for a scratch folder that is cleared away should its process die. */
  get scratchPrefix(): string {
    return path.join(this.#folder, SCRATCH_PREFIX)
  }

  async #readLastGood(): Promise<LastGood | undefined> {
    try {
      return JSON.parse(await readFile(path.join(this.#folder, LAST_GOOD), 'utf8')) as LastGood
    } catch {
      // Not there yet, or not readable: there is no last good bundle then.
      return undefined
    }
  }

  async #prune(current: string): Promise<void> {
    const kept = new Set([current, (await this.#readLastGood())?.revision ?? current])
    const archives: { file: string; mtimeMs: number }[] = []
    for (const name of await readdir(this.#folder)) {
      const file = path.join(this.#folder, name)
      const revision = ARCHIVE.exec(name)?.[1]
      const scratch = SCRATCH.test(name)
      if ((revision === undefined || kept.has(revision)) && !scratch) continue
      // Another process may have cleared it away meanwhile.
      const mtimeMs = (await stat(file).catch(() => undefined))?.mtimeMs ?? 0
      if (!scratch) archives.push({ file, mtimeMs })
      else if (Date.now() - mtimeMs > SCRATCH_AGE_MS_MAX) await remove(file)
    }
    archives.sort((a, b) => b.mtimeMs - a.mtimeMs)
    for (const { file } of archives.slice(CACHED_BUNDLES_MAX - kept.size)) await remove(file)
  }

  #archive(revision: string): string {
    return path.join(this.#folder, `${revision}.tar.gz`)
  }
}

/** Writes a file so that it is there whole or not at all, also after a loss of power. */
async function writeWhole(file: string, bytes: Uint8Array): Promise<void> {
  const part = `${file}.${process.pid}.part`
  const handle = await open(part, 'w', 0o600)
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(part, file)
  const folder = await open(path.dirname(file))
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function remove(file: string): Promise<void> {
  await rm(file, { recursive: true, force: true })
}

async function tried<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw new PolicyError(
      PolicyErrorCode.cacheFailed,
      `built policies cannot be kept in \`${folder}\`: ${messageOf(cause)}`,
      { cause },
    )
  }
}
