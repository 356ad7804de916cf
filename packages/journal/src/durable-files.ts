import { mkdir, open, rename } from 'node:fs/promises'
import path from 'node:path'

/** Records are personal data: only the user that runs the service may read them. */
export const DIRECTORY_MODE = 0o700
export const FILE_MODE = 0o600
/** What a file is called until it is whole; one that is left is of a process that died. */
export const DRAFT = '.new'

/** Makes durable which files a directory has; a file's own sync does not. */
export async function syncDirectory(dir: string): Promise<void> {
  await using directory = await open(dir, 'r')
  await directory.sync()
}

/** Creates a directory with its parents; they are durable when this resolves. */
export async function createDirectory(dir: string): Promise<void> {
  const topmost = await mkdir(dir, { recursive: true, mode: DIRECTORY_MODE })
  if (topmost === undefined) return
  const stop = path.dirname(path.resolve(topmost))
  for (let at = path.resolve(dir); at !== stop; at = path.dirname(at)) await syncDirectory(at)
  await syncDirectory(stop)
}

/** Writes a file so that after a crash it is there whole, or not at all; one writer at a time. */
export async function writeDurably(file: string, content: string | Uint8Array): Promise<void> {
  const draft = `${file}${DRAFT}`
  {
    await using handle = await open(draft, 'w', FILE_MODE)
    await handle.writeFile(content)
    await handle.sync()
  }
  await rename(draft, file)
  await syncDirectory(path.dirname(file))
}
