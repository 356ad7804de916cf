import { execFile } from 'node:child_process'
import { cp, mkdir, rename, rmdir, statfs } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)
const COMMAND_TIMEOUT_MS = 10_000
/** More than any torture writes; only what is written takes memory. */
const ROOM_BYTES = 2 * 1024 ** 3
/** A disk that fills up has this much left, so that what fails is in the middle of a write. */
const LEFT_BYTES_MAX = 64 * 1024
const FILL_TRIES_MAX = 20

/** A disk in memory that can be made full, and large again. Needs root. */
export class SmallDisk implements AsyncDisposable {
  readonly #dir: string

  private constructor(dir: string) {
    this.#dir = dir
  }

  static async mount(dir: string): Promise<SmallDisk> {
    await mkdir(dir, { recursive: true })
    await command('mount', '-t', 'tmpfs', '-o', `size=${ROOM_BYTES},mode=700`, 'tmpfs', dir)
    return new SmallDisk(dir)
  }

  /** @param left the share of LEFT_BYTES_MAX that is left */
  async fill(left: number): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const { bsize, blocks, bfree } = await statfs(this.#dir)
      const used = (blocks - bfree) * bsize
      try {
        await this.#resize(used + Math.ceil(LEFT_BYTES_MAX * left))
        return
      } catch (error) {
        // More was written meanwhile than it would hold.
        if (attempt === FILL_TRIES_MAX) throw error
      }
    }
  }

  async makeRoom(): Promise<void> {
    await this.#resize(ROOM_BYTES)
  }

  /** What is on it stays in a folder, for who keeps the files; the folder's owner removes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    const copy = `${this.#dir}.kept`
    try {
      await cp(this.#dir, copy, { recursive: true })
    } finally {
      await command('umount', this.#dir)
    }
    await rmdir(this.#dir)
    await rename(copy, this.#dir)
  }

  async #resize(bytes: number): Promise<void> {
    await command('mount', '-o', `remount,size=${bytes}`, this.#dir)
  }
}

async function command(name: string, ...args: readonly string[]): Promise<void> {
  await run(name, args, { timeout: COMMAND_TIMEOUT_MS })
}
