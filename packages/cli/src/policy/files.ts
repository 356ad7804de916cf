import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { messageOf } from '@verdict/contract'
import { CliError, CliErrorCode } from '../errors.ts'

/** A larger file is no bundle and no key. */
const FILE_BYTES_MAX = 512 * 1024 ** 2
/** What a file may be read by, where nothing else is asked for. */
const MODE = 0o644

/** Reads a file that was named on the command line. @throws {CliError} `bad_file` */
export async function readNamedFile(file: string): Promise<Buffer> {
  try {
    const { size } = await stat(file)
    if (size <= FILE_BYTES_MAX) return await readFile(file)
  } catch (cause) {
    throw badFile(file, `can't be read: ${messageOf(cause)}`, cause)
  }
  throw badFile(file, `has more than ${FILE_BYTES_MAX} bytes`)
}

/** As `readNamedFile`, for what is JSON. @throws {CliError} `bad_file` */
export async function readNamedJson(file: string): Promise<unknown> {
  const bytes = await readNamedFile(file)
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (cause) {
    throw badFile(file, 'holds no JSON', cause)
  }
}

/** Writes a file whole or not at all, in place of one that is there. @throws {CliError} */
export async function writeNamedFile(file: string, bytes: Uint8Array): Promise<void> {
  const part = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.part`)
  try {
    const handle = await open(part, 'w', MODE)
    try {
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(part, file)
  } catch (cause) {
    await rm(part, { force: true })
    throw badFile(file, `can't be written: ${messageOf(cause)}`, cause)
  }
}

/** Writes a file that must not be there yet. @throws {CliError} `bad_file` */
export async function writeNewFile(file: string, text: string, mode: number = MODE): Promise<void> {
  try {
    const handle = await open(file, 'wx', mode)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (cause) {
    const there = (cause as NodeJS.ErrnoException).code === 'EEXIST'
    const why = there ? 'is there already, and is kept' : `can't be written: ${messageOf(cause)}`
    throw badFile(file, why, cause)
  }
}

export function badFile(file: string, why: string, cause?: unknown): CliError {
  return new CliError(CliErrorCode.badFile, `\`${file}\` ${why}`, { cause })
}
