import { createHmac, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { DecisionRecord } from '@verdict/contract'

/** The text of a secret's file. */
export const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

/** What came in one request. */
export interface Delivery {
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

type Answer = (response: ServerResponse, delivery: Delivery) => void

/** A CloudEvent of a batch. */
export interface ReceivedEvent {
  readonly sequence: string
  readonly subject: string
  readonly leaf: string
  readonly data: DecisionRecord
}

/** A receiver of webhooks: what came, and how it answers. */
export class WebhookReceiver implements AsyncDisposable {
  readonly deliveries: Delivery[] = []
  /** Those that were answered with 204. */
  readonly accepted: Delivery[] = []
  /** How the next requests are answered; all others are accepted. */
  readonly answers: Answer[] = []
  readonly #server: Server

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const delivery = { url: request.url ?? '', headers: request.headers, body: '' }
      const whole = { ...delivery, body: await text(request) }
      this.deliveries.push(whole)
      const answer = this.answers.shift()
      if (answer) answer(response, whole)
      else this.accept(response, whole)
    })
  }

  static async start(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver()
    await once(receiver.#server.listen(0, '127.0.0.1'), 'listening')
    return receiver
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`
  }

  accept(response: ServerResponse, delivery: Delivery): void {
    this.accepted.push(delivery)
    response.writeHead(204).end()
  }

  /** The events that were accepted, in their order. */
  events(): ReceivedEvent[] {
    return this.accepted.flatMap(({ body }) => JSON.parse(body) as ReceivedEvent[])
  }

  /** Their numbers in the log. */
  indices(): number[] {
    return this.events().map(({ sequence }) => Number(sequence))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/** As a receiver does it, by nothing but the specification of Standard Webhooks. */
export function isSignedBy(secret: string, { body, headers }: Delivery): boolean {
  const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': given } = headers
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
  const mac = createHmac('sha256', key).update(`${id}.${at}.${body}`).digest()
  const [version, signature = ''] = String(given).split(',')
  const sent = Buffer.from(signature, 'base64')
  const isNow = Math.abs(Date.now() / 1_000 - Number(at)) < 300
  return version === 'v1' && isNow && sent.length === mac.length && timingSafeEqual(sent, mac)
}
