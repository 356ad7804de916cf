import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { TestJournal } from '@verdict/kit'
import {
  bundlePath,
  CHECKPOINT_PATH,
  createSigner,
  formatCheckpoint,
  formatVerifierKey,
  GrowingTree,
  type Growth,
  KeyAlgorithm,
  type NoteSigner,
  signNote,
  type TreeHead,
  tilePath,
} from '@verdict/tlog'

/** A log in files, as the audit service writes it, or as somebody does who changes it. */
export class WrittenLog {
  readonly dir: string
  readonly leaves: string[] = []
  readonly signer: NoteSigner
  readonly #tree = new GrowingTree()
  head: TreeHead = { size: 0, root: this.#tree.root() }

  constructor(dir: string, origin: string, seed = 1) {
    this.dir = dir
    this.signer = createSigner(origin, KeyAlgorithm.ed25519, new Uint8Array(32).fill(seed))
  }

  get vkey(): string {
    return formatVerifierKey(this.signer.verifier)
  }

  /** Appends leaves, writes what has grown, and signs it. */
  append(leaves: readonly string[], signers: readonly NoteSigner[] = [this.signer]): this {
    for (const leaf of leaves) this.#tree.append(Buffer.from(leaf))
    this.leaves.push(...leaves)
    const growth = this.#tree.take()
    this.head = growth.head
    this.#write(growth)
    this.sign(signers)
    return this
  }

  sign(signers: readonly NoteSigner[], seconds = 1_780_000_000): void {
    const origin = this.signer.verifier.name
    const text = formatCheckpoint({ origin, ...this.head })
    this.put(CHECKPOINT_PATH, Buffer.from(signNote({ text }, signers, seconds)))
  }

  put(file: string, bytes: Uint8Array): void {
    const whole = path.join(this.dir, file)
    mkdirSync(path.dirname(whole), { recursive: true })
    writeFileSync(whole, bytes)
  }

  /** Changes one bit of a file. */
  flip(file: string, at: number): void {
    const bytes = readFileSync(path.join(this.dir, file))
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
    this.put(file, bytes)
  }

  #write({ tiles, bundles }: Growth): void {
    for (const { tile, bytes } of tiles) this.put(tilePath(tile), bytes)
    for (const { bundle, bytes } of bundles) this.put(bundlePath(bundle), bytes)
  }
}

/** The leaves of a journal in messages, each with its seal; the key is the first. */
export function sealedLeaves(journal: TestJournal, count: number, perMessage = 10): string[] {
  const of = { instance: journal.instance, epoch: journal.epoch }
  const leaves = journal.lines.length === 0 ? [journal.key.line(of)] : []
  for (let done = 0; done < count; done += perMessage) {
    const lines = journal.appendAll(Math.min(perMessage, count - done))
    leaves.push(...lines.map(({ hash, json }) => `${hash} ${json}`))
    const last = lines.at(-1)
    if (last) leaves.push(journal.key.seal({ n: last.record.n, hash: last.hash }, of))
  }
  return leaves
}
