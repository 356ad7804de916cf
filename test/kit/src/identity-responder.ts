import { type Serving, serve } from '@verdict/bus'
import {
  type IdentifyReply,
  type IdentifyRequest,
  type Identity,
  queues,
  subjects,
} from '@verdict/contract'
import type { TestBus } from './nats.ts'

/** Answers in authn's place, and remembers what it was asked. */
export class IdentityResponder implements AsyncDisposable {
  readonly asked: IdentifyRequest[] = []
  readonly #serving: Serving

  private constructor(serving: Serving, asked: IdentifyRequest[]) {
    this.#serving = serving
    this.asked = asked
  }

  static async start(
    bus: TestBus,
    answer: (request: IdentifyRequest) => IdentifyReply | Promise<IdentifyReply>,
  ): Promise<IdentityResponder> {
    const connection = await bus.connect('authn')
    const asked: IdentifyRequest[] = []
    const serving = serve(connection, {
      subject: subjects.identify,
      queue: queues.authn,
      concurrencyMax: 64,
      handler: async (payload) => {
        const request = JSON.parse(Buffer.from(payload).toString('utf8')) as IdentifyRequest
        asked.push(request)
        return Buffer.from(JSON.stringify(await answer(request)))
      },
      onError: (error) => bus.refusals.push(String(error)),
    })
    // A subscription counts once the server has it.
    await connection.flush()
    return new IdentityResponder(serving, asked)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#serving.drain()
  }
}

/** A responder in authn's place; by default everybody is anonymous, for an hour. */
export async function startIdentityResponder(
  bus: TestBus,
  answer?: (request: IdentifyRequest) => IdentifyReply | Promise<IdentifyReply>,
): Promise<IdentityResponder> {
  return await IdentityResponder.start(bus, answer ?? (() => remembered({ status: 'anonymous' })))
}

/** An answer of authn that may be remembered, by default for an hour. */
export function remembered(identity: Identity, forMs = 3_600_000): IdentifyReply {
  return { identity, cacheUntilMs: Date.now() + forMs }
}
