import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { DecisionRecord, JournalLine } from '@verdict/contract'

/** The search and the stream of audit, for a log in memory that grows. */
export class ServedStream implements AsyncDisposable {
  readonly lines: JournalLine[]
  readonly asked: string[] = []
  /** A connection ends after so many events. */
  eventsMax: number = Number.POSITIVE_INFINITY
  /** These are not there any more: their shard was pruned. */
  readonly pruned = new Set<number>()
  readonly #following = new Set<() => void>()
  readonly #server: Server

  private constructor(lines: readonly JournalLine[]) {
    this.lines = [...lines]
    this.#server = createServer((request, response) => this.#answer(request, response))
  }

  static async start(lines: readonly JournalLine[]): Promise<ServedStream> {
    const served = new ServedStream(lines)
    await once(served.#server.listen(0, '127.0.0.1'), 'listening')
    return served
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  add(lines: readonly JournalLine[]): void {
    this.lines.push(...lines)
    for (const wake of this.#following) wake()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.asked.push(request.url ?? '')
    const { pathname, searchParams } = new URL(request.url ?? '', this.url)
    const outcome = searchParams.get('outcome') ?? undefined
    if (pathname === '/v1/stream') this.#stream(request, response, outcome)
    else response.end(`{"decisions":[${this.#matching(outcome).at(-1)?.json ?? ''}]}`)
  }

  #stream(request: IncomingMessage, response: ServerResponse, outcome: string | undefined): void {
    let place = Number(request.headers['last-event-id'])
    let events = 0
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const send = (): void => {
      let text = `id: ${place}\n\n`
      for (const { index, json } of this.#matching(outcome)) {
        if (index <= place || events >= this.eventsMax) continue
        if (!this.pruned.has(index)) text += `id: ${index}\ndata: ${json}\n\n`
        place = index
        events++
      }
      response.write(events >= this.eventsMax ? text : `${text}id: ${this.lines.length}\n\n`)
      if (events >= this.eventsMax) response.end()
    }
    this.#following.add(send)
    response.on('close', () => this.#following.delete(send))
    send()
  }

  #matching(outcome: string | undefined): { index: number; json: string }[] {
    return this.lines
      .map(({ hash, json, record }, at) => ({
        index: at + 1,
        json: `{"index":${at + 1},"hash":"${hash}","record":${json}}`,
        outcome: (record as DecisionRecord).outcome,
      }))
      .filter((each) => outcome === undefined || each.outcome === outcome)
  }
}
