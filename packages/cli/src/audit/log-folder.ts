import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { messageOf } from '@verdict/contract'
import { CHECKPOINT_PATH } from '@verdict/tlog'
import { badFile } from '../policy/files.ts'
import type { ShardSource } from './log-source.ts'

const LOG_DIR = 'log'
const TILES_DIR = 'tile'
const PARTIAL = /\.p\/\d+$/

/**
 * The shards in a folder: the log at its top, then those in folders of their own, by name. The data
 * directory of a service will do as well.
 * @throws {CliError} `bad_file`
 */
export async function folderShards(dir: string): Promise<readonly ShardSource[]> {
  const inside = await shardsIn(path.join(dir, LOG_DIR))
  const shards = inside.length > 0 ? inside : await shardsIn(dir)
  if (shards.length > 0) return shards
  throw badFile(dir, 'holds no log: there is neither a checkpoint nor a tile in it')
}

async function shardsIn(dir: string): Promise<ShardSource[]> {
  const names = await list(dir)
  const shards: ShardSource[] = []
  if (isShard(names)) shards.push(await shardIn(dir))
  for (const name of names.toSorted(byNumbers)) {
    const below = path.join(dir, name)
    if (name !== TILES_DIR && isShard(await list(below))) shards.push(await shardIn(below))
  }
  return shards
}

/** Also one whose checkpoint is gone: that is found when it is verified. */
function isShard(names: readonly string[]): boolean {
  return names.includes(CHECKPOINT_PATH) || names.includes(TILES_DIR)
}

async function shardIn(dir: string): Promise<ShardSource> {
  const entries = await list(path.join(dir, 'tile/entries'))
  const tiles = await list(path.join(dir, 'tile/0'))
  return {
    name: dir,
    isPruned: entries.length === 0 && tiles.length > 0,
    // The full tile stands for a partial one that is gone.
    read: async (file) =>
      (await contentOf(path.join(dir, file))) ??
      (PARTIAL.test(file) ? await contentOf(path.join(dir, file.replace(PARTIAL, ''))) : undefined),
  }
}

async function list(dir: string): Promise<string[]> {
  try {
    return await readdir(dir)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOTDIR' || code === 'ENOENT') return []
    throw badFile(dir, `can't be read: ${messageOf(cause)}`, cause)
  }
}

/** Undefined where there is no such file. */
async function contentOf(file: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(file)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return undefined
    throw badFile(file, `can't be read: ${messageOf(cause)}`, cause)
  }
}

/** `2026-11-2` is before `2026-11-10`. */
function byNumbers(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}
