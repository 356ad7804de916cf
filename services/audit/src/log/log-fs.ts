import {
  closeSync,
  constants,
  fsync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'

/** A file that is written. */
export interface LogFile {
  /** Writes all of the bytes. */
  write(bytes: Uint8Array, at: number): void
  truncate(length: number): void
  /** What was written survives a loss of power when this returns. */
  sync(): void
  close(): void
}

export interface MeanwhileParts {
  /** The name beside it, until it is whole. */
  readonly beside: string
  readonly isWanted: () => boolean
}

/**
 * What the log asks of a file system, so that a test can put one below it that forgets what was
 * not synced. Paths are relative to the data directory.
 */
export interface LogFs {
  read(file: string): Uint8Array | undefined
  /** The names in a directory; none where there is no directory. */
  list(dir: string): string[]
  /** Makes a directory in one that exists; one that is there is left as it is. */
  makeDir(dir: string): void
  /** Opens a file for writing; it is created where there is none. */
  open(file: string): LogFile
  /**
   * Writes and syncs a file without holding the process, and gives it its name where that is still
   * wanted by then, which is what it tells. Meanwhile it has the other name.
   */
  writeMeanwhile(file: string, bytes: Uint8Array, parts: MeanwhileParts): Promise<boolean>
  rename(from: string, to: string): void
  /** Removes a file, or a directory with its files. */
  remove(name: string): void
  /** The names in a directory survive a loss of power when this returns. */
  syncDir(dir: string): void
}

const synced = promisify(fsync)
const FILE_MODE = 0o600
const DIR_MODE = 0o700

/** The files below a directory of this machine. */
export function diskFs(root: string): LogFs {
  const at = (name: string): string => path.join(root, name)
  return {
    read: (file) => unlessMissing(() => readFileSync(at(file))),
    list: (dir) => unlessMissing(() => readdirSync(at(dir))) ?? [],
    makeDir(dir) {
      mkdirSync(at(dir), { recursive: true, mode: DIR_MODE })
    },
    open: (file) => diskFile(openSync(at(file), constants.O_RDWR | constants.O_CREAT, FILE_MODE)),
    async writeMeanwhile(file, bytes, { beside, isWanted }) {
      await writeSynced(at(beside), bytes)
      const wanted = isWanted()
      if (wanted) renameSync(at(beside), at(file))
      else rmSync(at(beside), { force: true })
      return wanted
    },
    rename: (from, to) => renameSync(at(from), at(to)),
    remove: (name) => rmSync(at(name), { recursive: true, force: true }),
    syncDir(dir) {
      const descriptor = openSync(at(dir), constants.O_RDONLY)
      try {
        fsyncSync(descriptor)
      } finally {
        closeSync(descriptor)
      }
    },
  }
}

/** Replaces a file as a whole: afterwards it is the old one or the new one, whatever happens. */
export function writeWhole(fs: LogFs, file: string, bytes: Uint8Array): void {
  writeBeside(fs, file, bytes)()
  fs.syncDir(path.dirname(file))
}

/** Writes and syncs a file under another name; what is returned gives it its own. */
export function writeBeside(fs: LogFs, file: string, bytes: Uint8Array): () => void {
  const beside = `${file}.new`
  const written = fs.open(beside)
  try {
    written.truncate(0)
    written.write(bytes, 0)
    written.sync()
  } finally {
    written.close()
  }
  return () => fs.rename(beside, file)
}

/**
 * Only the sync is what takes long, and each step that is waited for is a turn of the process. What
 * is there of a crash is overwritten, never cut before: a writer that was taken for dead may be at
 * the same file, with the same bytes.
 */
async function writeSynced(name: string, bytes: Uint8Array): Promise<void> {
  const descriptor = openSync(name, constants.O_RDWR | constants.O_CREAT, FILE_MODE)
  try {
    diskFile(descriptor).write(bytes, 0)
    ftruncateSync(descriptor, bytes.length)
    await synced(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function diskFile(descriptor: number): LogFile {
  return {
    write(bytes, at) {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(descriptor, bytes, done, bytes.length - done, at + done)
      }
    },
    truncate: (length) => ftruncateSync(descriptor, length),
    sync: () => fsyncSync(descriptor),
    close: () => closeSync(descriptor),
  }
}

function unlessMissing<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
