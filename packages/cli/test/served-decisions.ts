import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JournalLine } from '@verdict/contract'
import {
  createSigner,
  formatCheckpoint,
  formatTlogProof,
  formatVerifierKey,
  GrowingTree,
  KeyAlgorithm,
  leafHash,
  signNote,
} from '@verdict/tlog'

const ORIGIN = 'log.example/audit'
const SIGNER = createSigner(ORIGIN, KeyAlgorithm.ed25519, new Uint8Array(32).fill(1))
/** The public key of the log. */
export const VKEY: string = formatVerifierKey(SIGNER.verifier)

/** The API of audit for a log of two decisions, one on each page. */
export class ServedDecisions implements AsyncDisposable {
  /** The path and query of each request. */
  readonly asked: string[] = []
  /** What `authorization` has to be; anything is well where it is undefined. */
  authorization: string | undefined
  /** Takes the place of the record that is listed second. */
  second: string | undefined
  /** What of it is said to be decrypted. */
  opened: readonly string[] | undefined
  readonly #lines: readonly [JournalLine, JournalLine]
  readonly #server: Server

  private constructor(lines: readonly [JournalLine, JournalLine]) {
    this.#lines = lines
    this.#server = createServer((request, response) => this.#answer(request, response))
  }

  static async start(lines: readonly [JournalLine, JournalLine]): Promise<ServedDecisions> {
    const served = new ServedDecisions(lines)
    await once(served.#server.listen(0, '127.0.0.1'), 'listening')
    return served
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #answer({ headers, url = '' }: IncomingMessage, response: ServerResponse): void {
    this.asked.push(url)
    const known = [undefined, headers.authorization].includes(this.authorization)
    const refusal = '{"error":{"code":"unauthenticated","message":"say who you are"}}'
    response.writeHead(known ? 200 : 401).end(known ? this.#body(url) : refusal)
  }

  #body(url: string): string {
    const { pathname, searchParams } = new URL(url, this.url)
    if (pathname !== '/v1/decisions') return this.#receipt(pathname)
    const [newest, oldest] = this.#lines.toReversed().map((line, at) => this.#entry(line, 2 - at))
    return searchParams.has('after')
      ? `{"decisions":[${oldest}]}`
      : `{"decisions":[${newest}],"next":"b2xkZXI"}`
  }

  #entry({ hash, json }: JournalLine, index: number): string {
    const record = index === 2 && this.second !== undefined ? this.second : json
    const opened = index === 2 && this.opened ? `"opened":${JSON.stringify(this.opened)},` : ''
    return `{"index":${index},"hash":"${hash}",${opened}"record":${record}}`
  }

  #receipt(pathname: string): string {
    const leaves = this.#lines.map(({ hash, json }) => Buffer.from(`${hash} ${json}`))
    const tree = new GrowingTree()
    for (const leaf of leaves) tree.append(leaf)
    const text = formatCheckpoint({ origin: ORIGIN, size: 2, root: tree.root() })
    const checkpoint = signNote({ text }, [SIGNER])
    const index = this.#lines.findIndex(({ record }) => pathname.includes(record.id))
    const [other = Buffer.of(), extra = Buffer.of()] = [leaves[1 - index], leaves[index]]
    return formatTlogProof({ index, hashes: [leafHash(other)], checkpoint, extra })
  }
}
