import { createHash } from 'node:crypto'
import type { BigIntStats, Dirent } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { messageOf } from '@verdict/contract'
import { PolicyError, PolicyErrorCode } from './errors.ts'

/** A folder with more is refused: it is most likely not the folder that was meant. */
export const SOURCES_FILES_MAX = 10_000
export const SOURCES_BYTES_MAX = 64 * 1024 ** 2
/** Deeper folders are refused: links that form a circle end here. */
const SOURCES_DEPTH_MAX = 32
/** A folder that changes while it is read is read again, this often at most. */
const READ_TRIES_MAX = 10
const READ_RETRY_MS = 50

const SOURCE = /\.(rego|json|ya?ml)$/
const ARCHIVE = /\.tar\.gz$/

/** One file of Rego or data. */
export interface SourceFile {
  /** Relative to the folder, with `/`. */
  readonly path: string
  readonly bytes: Uint8Array
}

/** What a folder of policies held at one moment. */
export interface Sources {
  readonly files: readonly SourceFile[]
  /** As `stampSources` returned it then. */
  readonly stamp: string
}

interface Found {
  readonly path: string
  readonly stats: BigIntStats
}

/**
 * Reads a folder of Rego and data as `opa run <folder>` does: all `.rego`, `.json` and `.yaml`
 * files below it; data files are merged at the path of their sub-folder, whatever their name.
 * Hidden files and folders are left out, as with OPA's `--ignore '.*'`, so that a version control
 * folder or the inner folders of a mounted ConfigMap are no policies.
 * @throws {PolicyError} `sources_unreadable`, `sources_refused`
 */
export async function readSources(folder: string): Promise<Sources> {
  for (let attempt = 1; attempt <= READ_TRIES_MAX; attempt++) {
    const found = await findSources(folder)
    const files = await readAll(folder, found)
    const stamp = stampOf(found)
    if (files !== undefined && stamp === (await stampSources(folder))) return { files, stamp }
    await delay(READ_RETRY_MS)
  }
  throw new PolicyError(
    PolicyErrorCode.sourcesUnreadable,
    `the policies in \`${folder}\` keep changing while they are read: ` +
      'write them elsewhere and move them in place',
  )
}

/** Differs whenever a source has been written, added, moved or removed. @throws {PolicyError} */
export async function stampSources(folder: string): Promise<string> {
  return stampOf(await findSources(folder))
}

/** The name of a policy: SHA-256, in hex, of what it is built from. */
export function revisionOf(
  files: readonly SourceFile[],
  entrypoints: readonly string[],
  ruleIndex = true,
  labels = true,
): string {
  // The number stands for the way policies are built: another way makes other bundles.
  const digest = createHash('sha256').update('verdict policy 4\n')
  if (!ruleIndex) digest.update('without rule index\n')
  if (!labels) digest.update('without labels\n')
  digest.update(`${JSON.stringify(entrypoints)}\n`)
  for (const file of files) {
    digest.update(`${JSON.stringify([file.path, file.bytes.byteLength])}\n`).update(file.bytes)
  }
  return digest.digest('hex')
}

async function findSources(folder: string): Promise<Found[]> {
  const found: Found[] = []
  await walk(folder, '', 0, found)
  let bytes = 0n
  for (const { stats } of found) bytes += stats.size
  if (bytes > SOURCES_BYTES_MAX) {
    throw refused(folder, `more than ${SOURCES_BYTES_MAX} bytes of policies and data`)
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1))
}

async function walk(root: string, below: string, depth: number, found: Found[]): Promise<void> {
  if (depth > SOURCES_DEPTH_MAX) throw refused(root, `folders deeper than ${SOURCES_DEPTH_MAX}`)
  for (const entry of await list(root, below)) {
    if (entry.name.startsWith('.')) continue
    const name = path.posix.join(below, entry.name)
    if (ARCHIVE.test(name)) throw refused(root, `the archive \`${name}\`, which must be unpacked`)
    if (entry.isFile() && !SOURCE.test(name)) continue
    const stats = await statOf(root, name, entry)
    if (stats?.isDirectory()) await walk(root, name, depth + 1, found)
    // What is neither a file nor a folder, such as a pipe, would be read for ever.
    if (stats?.isFile() && SOURCE.test(name)) found.push({ path: name, stats })
    if (found.length > SOURCES_FILES_MAX)
      throw refused(root, `more than ${SOURCES_FILES_MAX} files`)
  }
}

async function list(root: string, below: string): Promise<Dirent[]> {
  try {
    return await readdir(path.join(root, below), { withFileTypes: true })
  } catch (cause) {
    if (below !== '' && isMissing(cause)) return []
    throw unreadable(path.join(root, below), cause)
  }
}

async function statOf(root: string, name: string, entry: Dirent): Promise<BigIntStats | undefined> {
  try {
    return await stat(path.join(root, name), { bigint: true })
  } catch (cause) {
    // Gone since the folder was listed; a link that leads nowhere is a fault instead.
    if (isMissing(cause) && !entry.isSymbolicLink()) return undefined
    throw unreadable(path.join(root, name), cause)
  }
}

/** The bytes of all files; undefined where one has gone since it was found. */
async function readAll(root: string, found: readonly Found[]): Promise<SourceFile[] | undefined> {
  const files: SourceFile[] = []
  for (const { path: name } of found) {
    try {
      files.push({ path: name, bytes: await readFile(path.join(root, name)) })
    } catch (cause) {
      if (isMissing(cause)) return undefined
      throw unreadable(path.join(root, name), cause)
    }
  }
  return files
}

function stampOf(found: readonly Found[]): string {
  return found
    .map(({ path: name, stats }) =>
      [name, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' '),
    )
    .join('\n')
}

function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT'
}

function unreadable(file: string, cause: unknown): PolicyError {
  return new PolicyError(
    PolicyErrorCode.sourcesUnreadable,
    `policies at \`${file}\` cannot be read: ${messageOf(cause)}`,
    { cause },
  )
}

function refused(folder: string, what: string): PolicyError {
  return new PolicyError(
    PolicyErrorCode.sourcesRefused,
    `the policies folder \`${folder}\` holds ${what}: name a folder of Rego and data only`,
  )
}
