import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JournalLine } from '@verdict/contract'
import {
  createSigner,
  EMPTY_ROOT,
  formatCheckpoint,
  formatVerifierKey,
  KeyAlgorithm,
  leafHash,
  nodeHash,
  signNote,
} from '@verdict/tlog'

const ORIGIN = 'log.test/audit'
const SEED = new Uint8Array(32).fill(7)

/** A log of up to 255 leaves in memory, behind HTTP; a test may change its history. */
export class ServedLog implements AsyncDisposable {
  readonly origin: string
  readonly #server: Server
  leaves: Uint8Array[] = []
  /** The checkpoint is of this many leaves; default: of all. */
  shown: number | undefined

  private constructor(origin: string) {
    this.origin = origin
    this.#server = createServer((request, response) => {
      const body = this.#answer(request.url ?? '')
      response.statusCode = body === undefined ? 404 : 200
      response.end(body)
    })
  }

  static async start(origin = ORIGIN): Promise<ServedLog> {
    const log = new ServedLog(origin)
    log.#server.listen(0, '127.0.0.1')
    await once(log.#server, 'listening')
    return log
  }

  get options(): { url: string; key: string } {
    const { port } = this.#server.address() as AddressInfo
    const { verifier } = createSigner(ORIGIN, KeyAlgorithm.ed25519, SEED)
    return { url: `http://127.0.0.1:${port}`, key: formatVerifierKey(verifier) }
  }

  /** @returns the index of the leaf */
  append({ hash, json }: Pick<JournalLine, 'hash' | 'json'>): number {
    return this.leaves.push(Buffer.from(`${hash} ${json}`)) - 1
  }

  #answer(url: string): Uint8Array | string | undefined {
    const folder = `/log${this.origin.slice(ORIGIN.length)}/`
    if (!url.startsWith(folder)) return undefined
    const path = url.slice(folder.length)
    if (path === 'checkpoint') return this.#checkpoint()
    const width = Number(/^tile\/0\/000\.p\/(\d+)$/.exec(path)?.[1])
    return width > 0 ? Buffer.concat(this.leaves.slice(0, width).map(leafHash)) : undefined
  }

  #checkpoint(): string {
    const shown = this.leaves.slice(0, this.shown)
    const root = rootOf(shown.map(leafHash))
    const text = formatCheckpoint({ origin: this.origin, size: shown.length, root })
    return signNote({ text }, [createSigner(this.origin, KeyAlgorithm.ed25519, SEED)])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/** RFC 6962, section 2.1, as it is written there. */
function rootOf(hashes: readonly Uint8Array[]): Uint8Array {
  const [first = EMPTY_ROOT] = hashes
  if (hashes.length < 2) return first
  const middle = 2 ** Math.ceil(Math.log2(hashes.length) - 1)
  return nodeHash(rootOf(hashes.slice(0, middle)), rootOf(hashes.slice(middle)))
}
