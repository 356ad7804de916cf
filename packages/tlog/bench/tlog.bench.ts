/**
 * What a log costs on one thread: `node packages/tlog/bench/tlog.bench.ts`. Nothing is written:
 * appending takes its growth, as a writer would, once in as many entries as the batch has.
 */
import {
  createSigner,
  createVerifier,
  GrowingTree,
  KeyAlgorithm,
  leafHash,
  TiledTree,
  tilePath,
  verifyInclusion,
} from '../src/index.ts'

const ENTRY_BYTES = 609
const RUN_MS = 1_500
const BATCHES = [1, 64, 1_024, 20_000]
const PROVEN_SIZE = 100_000
const seed = new Uint8Array(32).fill(1)

/** Runs for a while and tells how often a second, and how much CPU each took. */
async function rate(what: string, once: () => Promise<number> | number): Promise<void> {
  const end = performance.now() + RUN_MS
  const began = performance.now()
  const cpu = process.cpuUsage()
  let times = 0
  while (performance.now() < end) times += await once()
  const { user, system } = process.cpuUsage(cpu)
  const perSecond = Math.round((times * 1_000) / (performance.now() - began))
  const micros = ((user + system) / times).toFixed(2)
  process.stdout.write(`${[what.padEnd(32), perSecond, micros].join('\t')}\n`)
}

function appendBatch(tree: GrowingTree, entry: Uint8Array, batch: number): number {
  for (let i = 0; i < batch; i++) tree.append(entry)
  tree.take()
  return batch
}

async function proveAndVerify(): Promise<void> {
  const tree = new GrowingTree()
  const tiles = new Map<string, Uint8Array>()
  for (let i = 0; i < PROVEN_SIZE; i++) tree.append(Buffer.from(String(i)))
  const growth = tree.take()
  for (const { tile, bytes } of growth.tiles) tiles.set(tilePath(tile), bytes)
  const read = await TiledTree.open(growth.head, (tile) => tiles.get(tilePath(tile)) ?? seed)
  // The tiles are read and verified once, and then kept.
  for (let index = 0; index < PROVEN_SIZE; index += 256) await read.inclusionProof(index)
  let index = 0
  await rate('inclusion proof, made', async () => {
    index = (index + 7_919) % PROVEN_SIZE
    await read.inclusionProof(index)
    return 1
  })
  const proof = await read.inclusionProof(4)
  const entry = { index: 4, leafHash: leafHash(Buffer.from('4')) }
  await rate('inclusion proof, verified', () => {
    verifyInclusion(entry, growth.head, proof)
    return 1
  })
}

process.stdout.write(`${['what'.padEnd(32), 'per second', 'µs CPU each'].join('\t')}\n`)
const record = Buffer.alloc(ENTRY_BYTES, 'x')
for (const batch of BATCHES) {
  const tree = new GrowingTree()
  await rate(`append, taken every ${batch}`, () => appendBatch(tree, record, batch))
}
await proveAndVerify()
const text = `log.example\n9\n${Buffer.alloc(32).toString('base64')}\n`
for (const [name, algorithm] of Object.entries(KeyAlgorithm)) {
  const signer = createSigner('bench.example', algorithm, seed)
  const verifier = createVerifier('bench.example', algorithm, signer.verifier.publicKey)
  const signature = signer.sign(text, 1)
  await rate(`${name}, signed`, () => signer.sign(text, 1).length / signature.length)
  await rate(`${name}, verified`, () => Number(verifier.verify(text, signature)))
}
