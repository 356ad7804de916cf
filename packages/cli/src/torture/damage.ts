import { readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { bundlePath, CHECKPOINT_PATH, newBundles, newTiles, tilePath } from '@verdict/tlog'
import type { Random } from './random.ts'

const CUT_SHARE = 0.3
const BITS = 8

/** A file that was changed, and how it was before. */
export class Damage {
  readonly what: string
  readonly #file: string
  readonly #sound: Buffer

  private constructor(file: string, sound: Buffer, what: string) {
    this.#file = file
    this.#sound = sound
    this.what = `\`${path.basename(file)}\` of ${sound.length} bytes, ${what}`
  }

  /** Flips a bit of a file or cuts its end off, in the first `share` of it. */
  static async make(file: string, random: Random, share: number = 1): Promise<Damage> {
    const sound = await readFile(file)
    const at = Math.floor(random.next() * sound.length * share)
    if (random.chance(CUT_SHARE)) {
      await writeFile(file, sound.subarray(0, at))
      return new Damage(file, sound, `cut off at ${at}`)
    }
    const bit = random.between(0, BITS - 1)
    const damaged = Buffer.from(sound)
    damaged.writeUInt8(damaged.readUInt8(at) ^ (1 << bit), at)
    await writeFile(file, damaged)
    return new Damage(file, sound, `bit ${bit} of byte ${at} flipped`)
  }

  /** The file is as it was. */
  async mend(): Promise<void> {
    const beside = `${this.#file}.mended`
    await writeFile(beside, this.#sound)
    await rename(beside, this.#file)
  }
}

/** The segments of a journal that have something. */
export async function segmentsOf(dir: string): Promise<string[]> {
  return await filesWith(dir, (name) => name.endsWith('.journal'))
}

/** The newest block of a stream below the folder of a nats-server. */
export async function newestBlockOf(dir: string, stream: string): Promise<string | undefined> {
  const folder = path.join('streams', stream, 'msgs')
  const blocks = await filesWith(dir, (name) => name.endsWith('.blk') && name.includes(folder))
  const numbered = blocks.map((file) => ({ file, n: Number.parseInt(path.basename(file), 10) }))
  return numbered.sort((a, b) => b.n - a.n)[0]?.file
}

/** The checkpoint of the open shard of a log, and the tiles and entries that it stands for. */
export async function logFilesOf(dir: string): Promise<{ checkpoint: string; tiles: string[] }> {
  const checkpoints = await filesWith(dir, (name) => path.basename(name) === CHECKPOINT_PATH)
  const checkpoint = checkpoints.sort().at(-1) ?? path.join(dir, CHECKPOINT_PATH)
  const [, size] = (await readFile(checkpoint, 'utf8')).split('\n')
  const tiles = [
    ...[...newTiles(0, Number(size))].map(tilePath),
    ...[...newBundles(0, Number(size))].map(bundlePath),
  ]
  return { checkpoint, tiles: tiles.map((name) => path.join(path.dirname(checkpoint), name)) }
}

/** What is durable and in no checkpoint. */
export async function stagedOf(dir: string): Promise<string[]> {
  return await filesWith(dir, (name) => name.endsWith('.entries'))
}

async function filesWith(dir: string, isWanted: (file: string) => boolean): Promise<string[]> {
  const names = await readdir(dir, { recursive: true })
  const wanted: string[] = []
  for (const name of names.filter(isWanted)) {
    const file = path.join(dir, name)
    const { size } = await stat(file)
    if (size > 0) wanted.push(file)
  }
  return wanted
}
