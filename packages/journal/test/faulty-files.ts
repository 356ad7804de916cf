import { type FileOperations, nodeFileOperations } from '../src/segment-writer.ts'

/** Real files whose syncs wait until the test lets them go, or fail as it says. */
export class HeldFiles implements FileOperations {
  /** Syncs that were begun. */
  syncs = 0
  failure: Error | undefined
  #isHeld: boolean = false
  #held: PromiseWithResolvers<void>[] = []

  hold(): void {
    this.#isHeld = true
  }

  letGo(): void {
    this.#isHeld = false
    for (const held of this.#held.splice(0)) held.resolve()
  }

  write(fd: number, bytes: Uint8Array, position: number): Promise<number> {
    return nodeFileOperations.write(fd, bytes, position)
  }

  async fdatasync(fd: number): Promise<void> {
    this.syncs += 1
    if (this.#isHeld) {
      const held = Promise.withResolvers<void>()
      this.#held.push(held)
      await held.promise
    }
    if (this.failure) throw this.failure
    await nodeFileOperations.fdatasync(fd)
  }
}

/** Real files that take only a few bytes at a time, as a disk that fills up may. */
export const hesitantFiles: FileOperations = {
  write: (fd, bytes, position) =>
    nodeFileOperations.write(fd, bytes.subarray(0, Math.ceil(bytes.length / 2)), position),
  fdatasync: nodeFileOperations.fdatasync,
}
