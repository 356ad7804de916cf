import path from 'node:path'
import {
  type Bundle,
  bundlePath,
  CHECKPOINT_PATH,
  edgeTiles,
  type Growth,
  hashesOnLevel,
  TILE_WIDTH,
  type Tile,
  tilePath,
} from '@verdict/tlog'
import { AuditError, AuditErrorCode } from '../errors.ts'
import { type LogFs, writeBeside, writeWhole } from './log-fs.ts'

/** The directory of the log below the data directory; what is in it may be shown to anyone. */
export const LOG_DIR = 'log'
const WITNESSED_PATH = 'checkpoint.witnessed'
/** Of a file that is being written before a checkpoint covers it. */
const EARLY_SUFFIX = '.early'

/** A tile or an entry bundle. */
export interface NamedBytes {
  readonly named: Tile | Bundle
  readonly bytes: Uint8Array
}

/** The log in files, as c2sp.org/tlog-tiles lays it out. */
export class LogFolder {
  readonly #fs: LogFs
  /** Directories whose names are on disk for certain. */
  readonly #made = new Set<string>(['.'])
  /** Those with names that may not be. */
  readonly #unsynced = new Set<string>()

  constructor(fs: LogFs) {
    this.#fs = fs
  }

  /** Whether there is anything of a log. */
  get isEmpty(): boolean {
    return this.#fs.list(LOG_DIR).length === 0
  }

  checkpoint(): string | undefined {
    return this.#note(CHECKPOINT_PATH)
  }

  /** The newest checkpoint that enough witnesses have cosigned, as far as it was kept. */
  witnessed(): string | undefined {
    return this.#note(WITNESSED_PATH)
  }

  /** The bytes of a tile or an entry bundle. The full one stands for a partial one that is gone. */
  find(named: Tile | Bundle): Uint8Array | undefined {
    const full = { ...named, width: TILE_WIDTH }
    return this.#fs.read(pathOf(named)) ?? this.#fs.read(pathOf(full))
  }

  /**
   * As `find`, of what has to be there.
   * @throws {AuditError} `log_damaged`
   */
  read(named: Tile | Bundle): Uint8Array {
    const bytes = this.find(named)
    if (bytes !== undefined) return bytes
    throw new AuditError(
      AuditErrorCode.logDamaged,
      `\`${pathOf(named)}\` is missing: restore the log from a copy that has it`,
    )
  }

  /**
   * Writes a full tile or bundle while others have their turn, unless it is not wanted any more by
   * then; tells whether it has its name. That is durable with the next `apply`.
   */
  async writeEarly({ named, bytes }: NamedBytes, isWanted: () => boolean): Promise<boolean> {
    const file = pathOf(named)
    const dir = path.dirname(file)
    this.#make(dir)
    const beside = `${file}${EARLY_SUFFIX}`
    const isWritten = await this.#fs.writeMeanwhile(file, bytes, { beside, isWanted })
    if (isWritten) this.#unsynced.add(dir)
    return isWritten
  }

  /** Writes tiles and entries; all of them, and what was written early, are on disk afterwards. */
  apply({ older, head, tiles, bundles }: Growth, early: readonly NamedBytes[] = []): void {
    const written = [
      ...early,
      ...tiles.map(({ tile, bytes }) => ({ named: tile, bytes })),
      ...bundles.map(({ bundle, bytes }) => ({ named: bundle, bytes })),
    ]
    const places: (() => void)[] = []
    for (const { named, bytes } of written) {
      const file = pathOf(named)
      const dir = path.dirname(file)
      this.#make(dir)
      this.#unsynced.add(dir)
      places.push(writeBeside(this.#fs, file, bytes))
      // What is left of writing it early, before a crash.
      if (named.width === TILE_WIDTH) this.#fs.remove(`${file}${EARLY_SUFFIX}`)
    }
    for (const place of places) place()
    for (const dir of this.#unsynced) this.#fs.syncDir(dir)
    this.#unsynced.clear()
    this.#removePartial(older, head.size)
  }

  /** Shows a checkpoint to readers: the last step, after what it stands for was applied. */
  publish(note: string): void {
    this.#make(LOG_DIR)
    writeWhole(this.#fs, `${LOG_DIR}/${CHECKPOINT_PATH}`, Buffer.from(note))
  }

  keepWitnessed(note: string): void {
    writeWhole(this.#fs, `${LOG_DIR}/${WITNESSED_PATH}`, Buffer.from(note))
  }

  #note(name: string): string | undefined {
    const bytes = this.#fs.read(`${LOG_DIR}/${name}`)
    return bytes && Buffer.from(bytes).toString('utf8')
  }

  /** Nobody needs the partial ones of a tile that has become full. */
  #removePartial(older: number, newer: number): void {
    for (const { level, index } of edgeTiles(older)) {
      if (hashesOnLevel(newer, level) < (index + 1) * TILE_WIDTH) continue
      this.#removeDir(`${pathOf({ level, index, width: TILE_WIDTH })}.p`)
      if (level === 0) this.#removeDir(`${pathOf({ index, width: TILE_WIDTH })}.p`)
    }
  }

  #removeDir(dir: string): void {
    this.#fs.remove(dir)
    this.#made.delete(dir)
    this.#unsynced.delete(dir)
  }

  #make(dir: string): void {
    if (this.#made.has(dir)) return
    this.#make(path.dirname(dir))
    this.#fs.makeDir(dir)
    // Also where it was there: the process that made it may have died before it synced.
    this.#fs.syncDir(path.dirname(dir))
    this.#made.add(dir)
  }
}

function pathOf(named: Tile | Bundle): string {
  return `${LOG_DIR}/${'level' in named ? tilePath(named) : bundlePath(named)}`
}
