import { readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { diskFs, writeWhole } from '../log/log-fs.ts'
import type { Damage } from './damage.ts'

const FILE = 'damaged.json'

/**
 * What is known to be damaged, in a file of the data directory: so that a restart does not add to a
 * damaged log until the scrubber comes by again.
 */
export class DamageMark {
  readonly #dir: string

  constructor(dir: string) {
    this.#dir = dir
  }

  /** Undefined where nothing is marked; a mark that can't be read is one of nothing. */
  read(): Damage | undefined {
    try {
      const { from, shard, to, what } = JSON.parse(readFileSync(this.#file, 'utf8'))
      return { shard: String(shard), from: Number(from), to: Number(to), what: String(what) }
    } catch (error) {
      if (error instanceof SyntaxError || isMissing(error)) return undefined
      throw error
    }
  }

  set(damage: Damage): void {
    writeWhole(diskFs(this.#dir), FILE, Buffer.from(`${JSON.stringify(damage)}\n`))
  }

  clear(): void {
    rmSync(this.#file, { force: true })
  }

  get #file(): string {
    return path.join(this.#dir, FILE)
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
