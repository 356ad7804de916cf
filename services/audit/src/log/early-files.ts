import type { TreeFiles } from '@verdict/tlog'
import { isDiskFull } from './disk-full.ts'
import type { LogFolder, NamedBytes } from './log-folder.ts'

/** Files that are synced at one time; Node has four threads for them. */
const AT_ONCE = 32

interface Job extends NamedBytes {
  state: 'waiting' | 'writing' | 'left'
}

/**
 * Writes tiles and bundles as soon as they are full, beside everything else that goes on: all that
 * is in them is durable and can't change, so whoever recovers the log makes the same files of it.
 * A checkpoint then has to wait for a few files only. What waits is bounded by the leaves that a
 * log holds without a checkpoint.
 */
export class EarlyFiles {
  readonly #folder: LogFolder
  readonly #onFailed: (error: unknown) => void
  /** In their order; those that are being written, too. */
  readonly #jobs = new Set<Job>()
  #writing = 0

  constructor(folder: LogFolder, onFailed: (error: unknown) => void) {
    this.#folder = folder
    this.#onFailed = onFailed
  }

  add(files: TreeFiles): void {
    for (const { tile, bytes } of files.tiles) this.#add({ named: tile, bytes })
    for (const { bundle, bytes } of files.bundles) this.#add({ named: bundle, bytes })
    this.#next()
  }

  /** What is not written yet: it is left to whoever takes it. */
  take(): readonly NamedBytes[] {
    const left = [...this.#jobs]
    for (const job of left) job.state = 'left'
    this.#jobs.clear()
    return left
  }

  #add(file: NamedBytes): void {
    this.#jobs.add({ ...file, state: 'waiting' })
  }

  #next(): void {
    for (const job of this.#jobs) {
      if (this.#writing >= AT_ONCE) return
      if (job.state === 'waiting') void this.#write(job)
    }
  }

  async #write(job: Job): Promise<void> {
    job.state = 'writing'
    this.#writing++
    try {
      if (await this.#folder.writeEarly(job, () => job.state === 'writing')) this.#jobs.delete(job)
    } catch (error) {
      // A full disk may have room when the checkpoint is made; whoever makes it finds out.
      if (job.state === 'writing' && !isDiskFull(error)) this.#onFailed(error)
      job.state = 'left'
    }
    this.#writing--
    this.#next()
  }
}
