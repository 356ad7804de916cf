import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string
}

/** A new folder, which goes with all that is in it when it is disposed of. */
export function temporaryDirectory(): TemporaryDirectory {
  const folder = mkdtempSync(path.join(tmpdir(), 'verdict-'))
  return {
    path: folder,
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}
