import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { messageOf } from '@verdict/contract'
import { PolicyError, PolicyErrorCode } from './errors.ts'
import type { SourceFile } from './sources.ts'

/** Writes sources into a folder, which is made. @throws {PolicyError} `cache_failed` */
export async function copySources(files: readonly SourceFile[], folder: string): Promise<void> {
  await written(folder, async () => {
    await mkdir(folder)
    for (const file of files) {
      const target = path.join(folder, file.path)
      await mkdir(path.dirname(target), { recursive: true })
      await writeFile(target, file.bytes)
    }
  })
}

/** @throws {PolicyError} `cache_failed` */
export async function writeScratch(file: string, text: string): Promise<void> {
  await written(file, () => writeFile(file, text))
}

/** Work on the disk. @throws {PolicyError} `cache_failed` */
export async function written<T>(where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw new PolicyError(
      PolicyErrorCode.cacheFailed,
      `policies cannot be built in \`${where}\`: ${messageOf(cause)}`,
      { cause },
    )
  }
}
