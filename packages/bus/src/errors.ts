import { VerdictError } from '@verdict/contract'

export const BusErrorCode = {
  /** Nobody listens on the subject: the service is down, or no stream takes the message. */
  noResponders: 'no_responders',
  /** The answer did not come in time; whether the other side acted is unknown. */
  timeout: 'timeout',
  /** The connection is down, or went down before the answer came. */
  disconnected: 'disconnected',
  /** The server does not let this role use the subject. */
  forbidden: 'forbidden',
  /** The payload is larger than the server takes. */
  tooLarge: 'too_large',
  /** The answering service has as many requests as it holds: ask again later. */
  overloaded: 'overloaded',
  /** The answering service failed on the request and said so. */
  handlerFailed: 'handler_failed',
  /** No connection to a server could be made in time. */
  unreachable: 'unreachable',
  /** The server does not know the key. */
  unauthorized: 'unauthorized',
  /** The server is older than Verdict needs. */
  serverTooOld: 'server_too_old',
  /** JetStream refused to store a batch; `errCode` tells why. */
  storeRefused: 'store_refused',
  /** A store of bundles, pointers or data holds as many bytes as it may: remove some first. */
  storeFull: 'store_full',
  /** Somebody else changed a pointer or data in between: read it again. */
  storeConflict: 'store_conflict',
  /** A bundle is not in the store. */
  bundleMissing: 'bundle_missing',
  /** The stored parts of a bundle are not the archive that its name says. */
  bundleCorrupt: 'bundle_corrupt',
  /** A name or a path can't be a key of the store. */
  badPolicyKey: 'bad_policy_key',
  /** JetStream refused a management request; `errCode` tells why. */
  apiRefused: 'api_refused',
  /** The server has less room for streams than a stream needs. */
  streamTooLarge: 'stream_too_large',
  /** A stream is not there. */
  streamMissing: 'stream_missing',
  /** A consumer is not there. */
  consumerMissing: 'consumer_missing',
  /** A stream's settings are not those that were declared. */
  streamWeakened: 'stream_weakened',
  /** A consumer's settings are not those that were declared. */
  consumerWeakened: 'consumer_weakened',
  /** A subscriber can't be added: its name, or what is there already, stands against it. */
  subscriberRefused: 'subscriber_refused',
  /** A file that should hold an nkey seed does not. */
  badKey: 'bad_key',
  /** Another process listens on the port of the embedded server. */
  portInUse: 'port_in_use',
  /** Another server that still runs uses the folder of the embedded server. */
  storeInUse: 'store_in_use',
  /** The embedded server ended, or did not become ready. */
  serverFailed: 'server_failed',
} as const
export type BusErrorCode = (typeof BusErrorCode)[keyof typeof BusErrorCode]

export class BusError extends VerdictError<BusErrorCode> {
  override readonly name = 'BusError'
  /** JetStream's own number of the error, where the server gave one. */
  readonly errCode: number | undefined

  constructor(
    code: BusErrorCode,
    message: string,
    options: { cause?: unknown; errCode?: number } = {},
  ) {
    super(code, message, options)
    this.errCode = options.errCode
  }
}
