import path from 'node:path'
import {
  type Bundle,
  bundlePath,
  CHECKPOINT_PATH,
  type Growth,
  TILE_WIDTH,
  type Tile,
  tilePath,
} from '@verdict/tlog'
import { AuditError, AuditErrorCode } from '../errors.ts'
import { type LogFs, writeBeside, writeWhole } from './log-fs.ts'

/** The directory of the log below the data directory; what is in it may be shown to anyone. */
export const LOG_DIR = 'log'
const WITNESSED_PATH = 'checkpoint.witnessed'
const PARTIAL = /\.p\/\d+$/

/** The log in files, as c2sp.org/tlog-tiles lays it out. */
export class LogFolder {
  readonly #fs: LogFs
  /** Directories whose names are on disk for certain. */
  readonly #made = new Set<string>(['.'])

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

  /** Writes tiles and entries; all of them are on disk when it returns. */
  apply({ tiles, bundles }: Growth): void {
    const written = [
      ...tiles.map(({ tile, bytes }) => ({ file: pathOf(tile), bytes })),
      ...bundles.map(({ bundle, bytes }) => ({ file: pathOf(bundle), bytes })),
    ]
    const places: (() => void)[] = []
    const dirs = new Set<string>()
    for (const { file, bytes } of written) {
      const dir = path.dirname(file)
      dirs.add(dir)
      this.#make(dir)
      places.push(writeBeside(this.#fs, file, bytes))
    }
    for (const place of places) place()
    for (const dir of dirs) this.#fs.syncDir(dir)
    // Nobody needs the partial ones of a tile that is full.
    for (const { file } of written) if (!PARTIAL.test(file)) this.#removePartial(file)
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

  #removePartial(file: string): void {
    const dir = `${file}.p`
    this.#fs.remove(dir)
    this.#made.delete(dir)
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
