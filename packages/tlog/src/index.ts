export { type Checkpoint, formatCheckpoint, parseCheckpoint } from './checkpoint.ts'
export { BUNDLE_BYTES_MAX, decodeBundle, encodeBundle } from './entry-bundle.ts'
export * from './errors.ts'
export * from './evidence.ts'
export {
  GrowingTree,
  type Growth,
  PENDING_BYTES_MAX,
  type ReadBundle,
  type TreeFiles,
} from './growing-tree.ts'
export {
  EMPTY_ROOT,
  ENTRY_BYTES_MAX,
  equalBytes,
  HASH_BYTES,
  leafHash,
  nodeHash,
} from './hash.ts'
export { KeyAlgorithm } from './key-material.ts'
export * from './note.ts'
export * from './note-key.ts'
export * from './signed-note.ts'
export * from './tile.ts'
export { type ReadTile, TiledTree, type TreeHead } from './tiled-tree.ts'
export * from './tlog-proof.ts'
export * from './trust-policy.ts'
export * from './trusted-checkpoint.ts'
export * from './verify-proof.ts'
export * from './whole-tree.ts'
export * from './witness.ts'
export * from './witness-request.ts'
