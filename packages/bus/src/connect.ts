import { inboxPrefix, messageOf, type Role } from '@verdict/contract'
import {
  type ConnectionOptions,
  connect,
  errors,
  type NatsConnection,
  nkeyAuthenticator,
} from 'nats'
import { pause } from './bounded-wait.ts'
import { followConnection } from './connection-state.ts'
import { BusError, BusErrorCode } from './errors.ts'
import { readKey } from './keys.ts'

/** The oldest nats-server that Verdict works with: its releases before lose or leak messages. */
export const SERVER_VERSION_MIN = '2.15.2'

export const DEFAULT_CONNECT_TIMEOUT_MS = 30_000
/** One attempt of the first connection, with its handshake. */
const ATTEMPT_TIMEOUT_MS = 5_000
const ATTEMPT_PAUSE_MS = 250
/** A dead peer is noticed after two pings without an answer. */
const PING_INTERVAL_MS = 2_000
const PINGS_UNANSWERED_MAX = 2
const RECONNECT_PAUSE_MS = 500
const RECONNECT_JITTER_MS = 250

export interface ConnectBusOptions {
  /** One or more servers, separated by commas: `nats://host:port`. */
  readonly url: string
  readonly role: Role
  /** Holds the nkey seed of the role. */
  readonly seedFile: string
  /** What the server calls this connection in its logs. */
  readonly name: string
  /** The first connection is tried again for this long; a later one for ever. Default 30 s. */
  readonly connectTimeoutMs?: number
  /** Gives up the first connection. */
  readonly signal?: AbortSignal
  /** Is told what the server refuses when nobody waits for an answer, such as a heartbeat. */
  readonly onError?: (error: BusError) => void
}

/**
 * Connects with the key of a role. Once made, the connection is made again for ever.
 * @throws {BusError} `unreachable`, `unauthorized`, `server_too_old`, `bad_key`
 */
export async function connectBus(options: ConnectBusOptions): Promise<NatsConnection> {
  const seed = (await readKey(options.seedFile)).getSeed()
  const { role } = options
  const nc = await firstConnection(options, {
    servers: options.url.split(',').map((url) => url.trim()),
    name: options.name,
    authenticator: nkeyAuthenticator(seed),
    inboxPrefix: inboxPrefix(role),
    timeout: Math.min(ATTEMPT_TIMEOUT_MS, options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS),
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: PINGS_UNANSWERED_MAX,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_PAUSE_MS,
    reconnectJitter: RECONNECT_JITTER_MS,
    // A server that is set up anew may refuse the key for a while.
    ignoreAuthErrorAbort: true,
    // A stack for each request would cost more than the request.
    noAsyncTraces: true,
  })
  const version = nc.info?.version ?? 'unknown'
  if (isOlder(version, SERVER_VERSION_MIN)) {
    await nc.close()
    throw new BusError(
      BusErrorCode.serverTooOld,
      `the nats-server at ${options.url} is ${version}: use ${SERVER_VERSION_MIN} or newer`,
    )
  }
  followConnection(nc, { role, onError: options.onError ?? (() => {}) })
  return nc
}

async function firstConnection(
  options: ConnectBusOptions,
  client: ConnectionOptions,
): Promise<NatsConnection> {
  const { url, role, connectTimeoutMs = DEFAULT_CONNECT_TIMEOUT_MS } = options
  const giveUp = options.signal ?? new AbortController().signal
  const deadline = performance.now() + connectTimeoutMs
  for (;;) {
    try {
      return await connect(client)
    } catch (cause) {
      if (isRefusal(cause)) {
        throw new BusError(
          BusErrorCode.unauthorized,
          `the nats-server at ${url} does not know the key of ${role}: ` +
            'give both the same keys directory',
          { cause },
        )
      }
      if (giveUp.aborted || performance.now() + ATTEMPT_PAUSE_MS > deadline) {
        throw new BusError(
          BusErrorCode.unreachable,
          `no nats-server at ${url} within ${connectTimeoutMs} ms: ${messageOf(cause)}`,
          { cause },
        )
      }
    }
    await pause(ATTEMPT_PAUSE_MS, giveUp)
  }
}

/** A busy server may also end a handshake because it took too long: that is worth another try. */
function isRefusal(cause: unknown): boolean {
  return cause instanceof errors.AuthorizationError && !/timeout/i.test(cause.message)
}

/** Compares `major.minor.patch`; what is none is older than everything. */
function isOlder(version: string, minimum: string): boolean {
  const [have, need] = [numbersOf(version), numbersOf(minimum)]
  for (let index = 0; index < need.length; index++) {
    const difference = (have[index] ?? -1) - (need[index] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return false
}

function numbersOf(version: string): number[] {
  return /^v?(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number) ?? []
}
