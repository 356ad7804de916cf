import { busHealth, joinBus, serve, startHeartbeats } from '@verdict/bus'
import { type IdentifyReply, queues, subjects } from '@verdict/contract'
import {
  createHttp,
  type RunningService,
  type ServiceContext,
  type ServiceDefinition,
} from '@verdict/service'
import { type AuthnConfig, settings } from './config.ts'
import { AuthnError, AuthnErrorCode } from './errors.ts'
import { Events } from './events.ts'
import { type IdentifyOptions, identify } from './identify.ts'
import { decodeQuestion, encodeReply } from './question.ts'
import { TokenVerifier, type TrustedIssuer } from './token.ts'
import { loadTrust } from './trust.ts'

/** Questions answered at the same time; `serve` bounds those that wait, and refuses the rest. */
const CONCURRENCY_MAX = 256

/** Who is calling: verifies tokens, reads workload identities, and answers over the bus. */
export const authn: ServiceDefinition<typeof settings> = {
  name: 'authn',
  summary: 'says who is calling: verifies tokens and reads workload identities',
  settings,
  start,
}

async function start(context: ServiceContext<AuthnConfig>): Promise<RunningService> {
  const { config, fail, health, instance, log, metrics, stopping } = context
  const events = new Events({ log, metrics })
  const issuers = await loadTrust(config, events)
  events.issuersLoaded(issuers.map(({ issuer }) => issuer))
  // An issuer without keys makes its own tokens a fault, and keeps nobody else out.
  health.check('issuers', () => ({ ok: true, detail: describeTrust(issuers) }))

  // What is begun is let go in reverse: the last heartbeat, the questions, the bus, HTTP.
  await using resources = new AsyncDisposableStack()
  const http = createHttp({ log, metrics, health })
  resources.defer(() => http.close())
  await http.listen({ host: config.host, port: config.httpPort })

  const { nc } = resources.use(
    await joinBus({
      url: config.natsUrl,
      keysDir: config.keysDir,
      role: 'authn',
      name: instance,
      signal: stopping,
      onLost: fail,
    }),
  )
  health.check('bus', busHealth(nc))

  const answer = createAnswer(events, {
    ...(issuers.length > 0 ? { verifier: new TokenVerifier(issuers, config) } : {}),
    trustForwardedClientCert: config.forwardedClientCert === 'trust',
    cacheMaxMs: config.cacheMaxMs,
  })
  const serving = serve(nc, {
    subject: subjects.identify,
    queue: queues.authn,
    concurrencyMax: CONCURRENCY_MAX,
    handler: async (payload) => encodeReply(await answer(payload)),
    onError: (error) => events.servingFailed(error),
  })
  resources.defer(() => serving.drain())
  // A subscription counts once the server has it.
  await nc.flush()

  const heartbeats = startHeartbeats(nc, {
    service: 'authn',
    instance,
    ready: () => health.report().ok,
    facts: () => ({ issuers: issuers.length }),
  })
  resources.defer(() => heartbeats.stop())

  const held = resources.move()
  return { stop: () => held.disposeAsync() }
}

function describeTrust(issuers: readonly TrustedIssuer[]): string {
  const waiting = issuers.filter(({ source }) => !source.loaded).map(({ issuer }) => issuer)
  const without = waiting.length === 0 ? '' : `, without keys: ${waiting.join(', ')}`
  return `${issuers.length} configured${without}`
}

/** Answers one question. A fault is said as one, and is never an identity. */
function createAnswer(
  events: Events,
  options: IdentifyOptions,
): (payload: Uint8Array) => Promise<IdentifyReply> {
  return async (payload) => {
    const began = performance.now()
    try {
      const reply = await identify(decodeQuestion(payload), options)
      events.identified(reply.identity, performance.now() - began)
      return reply
    } catch (thrown) {
      events.faulted(thrown, performance.now() - began)
      return { error: describe(thrown) }
    }
  }
}

/** What the asker is told. Of faults that nobody foresaw only that, because the rest is ours. */
function describe(thrown: unknown): { code: string; message: string } {
  if (thrown instanceof AuthnError) return { code: thrown.code, message: thrown.message }
  return { code: AuthnErrorCode.internal, message: 'authn failed: its log says why' }
}
