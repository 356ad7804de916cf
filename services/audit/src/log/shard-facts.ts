import { formatVerifierKey, type NoteSigner } from '@verdict/tlog'
import { signerOf } from './log-key.ts'
import { shardOrigin, shardPath } from './shard-name.ts'

/** What is known of a shard without reading it. */
export interface ShardFacts {
  readonly name: string
  readonly origin: string
  readonly vkey: string
  /** Where its files are served. */
  readonly path: string
  readonly size: number
  readonly root: Uint8Array
  readonly state: 'open' | 'closed' | 'pruned'
  /** Leaves of the whole log before its first one. */
  readonly first: number
}

/** A leaf by its shard and its index there. */
export interface LeafPlace {
  readonly shard: string
  readonly origin: string
  readonly index: number
}

/** What follows from the name of a shard, and the key of its log. */
export function namesOf(
  key: NoteSigner,
  name: string,
): Pick<ShardFacts, 'name' | 'origin' | 'vkey' | 'path'> {
  const origin = shardOrigin(key.verifier.name, name)
  const vkey = formatVerifierKey(signerOf(key, origin).verifier)
  return { name, origin, vkey, path: shardPath(name) }
}
