import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { parseJournalLine } from '@verdict/contract'
import {
  bundlePath,
  CHECKPOINT_PATH,
  createVerifier,
  newBundles,
  openCheckpoint,
  parseSignerKey,
  TILE_WIDTH,
  TiledTree,
  type TreeHead,
  tilePath,
} from '@verdict/tlog'
import { Journals } from './journals.ts'

/** The logs of a service lie this deep below its folder at most. */
const DEPTH_MAX = 4
const TILES = 'tile'
const KEY_FILE = 'log.key'
const BRACE = 0x7b

/** One log of the audit service, or one of its shards. */
interface Log {
  read: number
  /** Every checkpoint that was seen, by its size. */
  readonly seen: Map<number, Uint8Array>
}

/**
 * Reads the log from its files as anyone could: each checkpoint by the key of the log, each tile
 * against the root, each entry against its tile. It trusts nothing that the service says.
 */
export class LogReader {
  readonly journals = new Journals()
  /** What the service found wrong and has not put right, by the key of the finding: its kind. */
  readonly findings = new Map<string, string>()
  /** Checkpoints that contradict each other. */
  readonly contradictions = new Set<string>()
  readonly #dir: string
  /** By their folders. */
  readonly #logs = new Map<string, Log>()

  /** @param dir the data folder of the audit service */
  constructor(dir: string) {
    this.#dir = dir
  }

  /** How many checkpoints were seen. */
  get checkpoints(): number {
    let count = 0
    for (const { seen } of this.#logs.values()) count += seen.size
    return count
  }

  /** How many leaves were read. */
  get leaves(): number {
    let count = 0
    for (const { read } of this.#logs.values()) count += read
    return count
  }

  /** Remembers the checkpoints that are shown now. */
  async look(): Promise<void> {
    for (const folder of await this.#folders()) await unlessReplaced(() => this.#head(folder))
  }

  /** Reads what is new, and holds every checkpoint that was seen against it. */
  async update(): Promise<void> {
    for (const folder of await this.#folders()) await unlessReplaced(() => this.#read(folder))
  }

  async #read(folder: string): Promise<void> {
    const head = await this.#head(folder)
    const file = async (name: string): Promise<Uint8Array> => await readTileFile(folder, name)
    const tree = await TiledTree.open(head, (tile) => file(tilePath(tile)))
    const log = this.#log(folder)
    for (const [size, root] of log.seen) {
      const same = size <= head.size && equal(await tree.rootAt(size), root)
      if (!same) this.contradictions.add(`the checkpoint of ${size} leaves is not of this log`)
    }
    for (const bundle of newBundles(log.read, head.size)) {
      const entries = await tree.entriesOf(bundle, await file(bundlePath(bundle)))
      const first = bundle.index * TILE_WIDTH
      for (const [at, entry] of entries.entries()) {
        if (first + at < log.read) continue
        this.#take(entry)
        log.read = first + at + 1
      }
    }
  }

  #take(entry: Uint8Array): void {
    const text = Buffer.from(entry).toString('utf8')
    if (entry[0] !== BRACE) {
      this.journals.take(parseJournalLine(text))
      return
    }
    const { finding, resolved } = JSON.parse(text) as {
      finding?: { key: string; kind: string }
      resolved?: { key: string }
    }
    if (finding !== undefined) this.findings.set(finding.key, finding.kind)
    if (resolved !== undefined) this.findings.delete(resolved.key)
  }

  async #head(folder: string): Promise<TreeHead> {
    const note = await readFile(path.join(folder, CHECKPOINT_PATH), 'utf8')
    const origin = note.slice(0, note.indexOf('\n'))
    const { checkpoint } = openCheckpoint(note, [await this.#verifier(origin)])
    const { seen } = this.#log(folder)
    const before = seen.get(checkpoint.size)
    if (before === undefined) seen.set(checkpoint.size, checkpoint.root)
    else if (!equal(before, checkpoint.root)) {
      this.contradictions.add(`two checkpoints of ${checkpoint.size} leaves differ`)
    }
    return checkpoint
  }

  /** The key of a log; a shard has the same one under its own name. */
  async #verifier(origin: string): Promise<ReturnType<typeof createVerifier>> {
    const key = await readFile(path.join(this.#dir, KEY_FILE), 'utf8')
    const { algorithm, publicKey } = parseSignerKey(key.trim()).verifier
    return createVerifier(origin, algorithm, publicKey)
  }

  #log(folder: string): Log {
    const log = this.#logs.get(folder) ?? { read: 0, seen: new Map() }
    this.#logs.set(folder, log)
    return log
  }

  /** Every folder with a checkpoint in it. */
  async #folders(dir: string = this.#dir, depth: number = 0): Promise<string[]> {
    const entries = await readdir(dir, { withFileTypes: true }).catch(() => [])
    const found = entries.some(({ name }) => name === CHECKPOINT_PATH) ? [dir] : []
    if (depth === DEPTH_MAX) return found
    for (const entry of entries) {
      if (!entry.isDirectory() || entry.name === TILES) continue
      found.push(...(await this.#folders(path.join(dir, entry.name), depth + 1)))
    }
    return found.sort()
  }
}

/** A partial file that is gone is the beginning of the full one. */
async function readTileFile(folder: string, name: string): Promise<Uint8Array> {
  try {
    return await readFile(path.join(folder, name))
  } catch (error) {
    if (!isMissing(error) || !name.includes('.p/')) throw error
    return await readFile(path.join(folder, name.replace(/\.p\/\d+$/, '')))
  }
}

/** What is missing was replaced between two looks, and the next one sees what is there now. */
async function unlessReplaced(work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
