import {
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'

/** What a witness knows and its keys concern nobody but the user that runs it. */
const FILE_MODE = 0o600
const DIRECTORY_MODE = 0o700

/** Makes a folder with its parents; they survive a loss of power when this returns. */
export function makeFolder(folder: string): void {
  const topmost = mkdirSync(folder, { recursive: true, mode: DIRECTORY_MODE })
  if (topmost === undefined) return
  const above = path.dirname(path.resolve(topmost))
  for (let at = path.resolve(folder); at !== above; at = path.dirname(at)) syncFolder(at)
  syncFolder(above)
}

/** Makes durable which files a folder has; a file's own sync does not. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, constants.O_RDONLY)
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** After a crash at any moment the file is the old one or the new one; the new one from here on. */
export function writeWhole(file: string, text: string): void {
  const draft = `${file}.new`
  const descriptor = openSync(draft, 'w', FILE_MODE)
  try {
    writeFileSync(descriptor, text)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(draft, file)
  syncFolder(path.dirname(file))
}

/** The text of a file; undefined where there is none. */
export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
