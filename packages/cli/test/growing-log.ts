import {
  createSigner,
  formatAddCheckpoint,
  formatCheckpoint,
  formatVerifierKey,
  GrowingTree,
  KeyAlgorithm,
  type NoteSigner,
  signNote,
  TiledTree,
  type TreeHead,
  tilePath,
} from '@verdict/tlog'

/** A log in memory, with all of its history, that can sign whatever it wants to. */
export class GrowingLog {
  readonly signer: NoteSigner
  readonly #tree = new GrowingTree()
  readonly #tiles = new Map<string, Uint8Array>()
  readonly #entries: string
  #head: TreeHead = { size: 0, root: this.#tree.root() }

  /** @param entries what its entries say: another word makes another history of the same log */
  constructor(origin: string, { seed = 1, entries = 'entry' } = {}) {
    this.signer = createSigner(origin, KeyAlgorithm.ed25519, new Uint8Array(32).fill(seed))
    this.#entries = entries
  }

  get vkey(): string {
    return formatVerifierKey(this.signer.verifier)
  }

  get size(): number {
    return this.#head.size
  }

  grow(count: number): this {
    for (let i = 0; i < count; i++) {
      this.#tree.append(Buffer.from(`${this.#entries} ${this.#tree.size}`))
    }
    const { head, tiles } = this.#tree.take()
    for (const { tile, bytes } of tiles) this.#tiles.set(tilePath(tile), bytes)
    this.#head = head
    return this
  }

  checkpoint(signer: NoteSigner = this.signer): string {
    const origin = this.signer.verifier.name
    return signNote({ text: formatCheckpoint({ origin, ...this.#head }) }, [signer])
  }

  /** The body that asks a witness of this size to cosign the newest tree. */
  async request(oldSize: number, checkpoint: string = this.checkpoint()): Promise<string> {
    const tree = await TiledTree.open(this.#head, (tile) => {
      return this.#tiles.get(tilePath(tile)) ?? new Uint8Array(0)
    })
    const hasProof = oldSize > 0 && oldSize < this.size
    const proof = hasProof ? await tree.consistencyProof(oldSize) : []
    return formatAddCheckpoint({ oldSize, proof, checkpoint })
  }
}
