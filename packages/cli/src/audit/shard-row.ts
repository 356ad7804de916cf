import { ContradictionErrorCode, readLogLeaf } from '@verdict/contract'
import { LogRefuted } from './refutation.ts'
import type { VerifiedShard } from './verified-shard.ts'

const SHARD = Buffer.from('{"shard":')
/** What the log calls a shard that has the origin of the log itself. */
const FIRST = 'first'
const PRUNED = Buffer.from('{"pruned":')

/** That shards follow one on another, and that what was removed was said to be. */
export class ShardRow {
  readonly pruned = new Set<string>()
  #shard: VerifiedShard | undefined
  #before: VerifiedShard | undefined

  begin(shard: VerifiedShard): void {
    this.#before = this.#shard
    this.#shard = shard
  }

  /** @throws {LogRefuted} `shards_apart` */
  take(leaf: Uint8Array, index: number): void {
    if (index === 0) this.#checkFirst(leaf)
    if (!startsWith(leaf, PRUNED)) return
    const read = readLogLeaf(leaf, index)
    if ('body' in read) this.pruned.add(String({ ...(read.body as { shard?: string }) }.shard))
  }

  /** The first leaf of a shard names the one before, and the tree with which it ended. */
  #checkFirst(leaf: Uint8Array): void {
    const read = startsWith(leaf, SHARD) ? readLogLeaf(leaf, 0) : undefined
    const body = read !== undefined && 'body' in read ? read.body : undefined
    const { previous } = { ...(body as { previous?: unknown }) }
    const expected = this.#before && {
      origin: this.#before.origin,
      root: Buffer.from(this.#before.head.root).toString('base64'),
      size: this.#before.head.size,
    }
    if (previous === undefined && expected === undefined) return
    const { origin, root, size } = { ...(previous as Record<string, unknown>) }
    if (expected?.origin === origin && expected?.root === root && expected?.size === size) return
    throw apart(
      this.#shard,
      `it goes on from ${told(previous)}, and before it is ${told(expected)}`,
    )
  }
}

/** @throws {LogRefuted} where entries are gone, and the log does not say that they were removed */
export function checkRow(row: ShardRow, shards: readonly VerifiedShard[]): void {
  for (const [i, shard] of shards.entries()) {
    const name = shard.origin.split('/').at(-1) ?? ''
    const isSaid = row.pruned.has(name) || (i === 0 && row.pruned.has(FIRST))
    if (isSaid || !shard.source.isPruned) continue
    throw apart(shard, 'its entries are gone, and the log does not say that they were removed')
  }
}

function apart(shard: VerifiedShard | undefined, message: string): LogRefuted {
  return new LogRefuted({ code: ContradictionErrorCode.shardsApart, message }, shard?.origin ?? '')
}

function told(shard: unknown): string {
  return shard === undefined ? 'nothing' : JSON.stringify(shard)
}

function startsWith(leaf: Uint8Array, text: Uint8Array): boolean {
  return Buffer.compare(leaf.subarray(0, text.length), text) === 0
}
