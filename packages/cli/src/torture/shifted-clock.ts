import { rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Environment } from '@verdict/toolchain'

const PRELOAD = pathToFileURL(path.join(import.meta.dirname, 'clock-preload.ts')).href

/** The wall clock of one process, which can be set while it runs. */
export class ShiftedClock {
  readonly #file: string

  constructor(file: string) {
    this.#file = file
  }

  /** With it in its environment, a process of Node has this clock. */
  get env(): Environment {
    return { NODE_OPTIONS: `--import=${PRELOAD}`, TORTURE_CLOCK_FILE: this.#file }
  }

  /** Sets it, so many milliseconds from the right time. */
  async set(offsetMs: number): Promise<void> {
    const draft = `${this.#file}.new`
    await writeFile(draft, String(offsetMs))
    // Who reads meanwhile reads the one or the other, and not an empty file, which is no offset.
    await rename(draft, this.#file)
  }
}
