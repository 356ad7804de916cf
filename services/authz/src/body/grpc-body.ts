import { AuthzError, AuthzErrorCode } from '../errors.ts'

/** Reads the messages of gRPC requests; see envoy/proto-descriptor.ts. */
export interface GrpcMessages {
  /**
   * The message of a method's request by protobuf's JSON mapping; undefined where the method is
   * not known, or its client streams.
   * @throws {AuthzError} `request_unreadable`
   */
  read(service: string, method: string, message: Uint8Array): unknown
}

export type GrpcBody =
  | { readonly kind: 'message'; readonly value: unknown }
  | { readonly kind: 'truncated' }
  | { readonly kind: 'unread' }

const TRUNCATED: GrpcBody = Object.freeze({ kind: 'truncated' })
const UNREAD: GrpcBody = Object.freeze({ kind: 'unread' })

/** A byte that says whether the message is compressed, and four of its length. */
const PREFIX_BYTES = 5

/**
 * Reads the first message of a gRPC body as opa-envoy-plugin does: one that is compressed, or of a
 * method that is not known, stays unread.
 * @throws {AuthzError} `request_unreadable`
 */
export function readGrpcBody(
  messages: GrpcMessages,
  parsedPath: readonly string[],
  body: Buffer,
): GrpcBody {
  if (body.length === 0) return UNREAD
  const [service, method, ...rest] = parsedPath
  if (service === undefined || method === undefined || rest.length > 0) {
    throw unreadable('invalid parsed path')
  }
  if (body.length < PREFIX_BYTES) throw unreadable('less than 5 bytes')
  if (body[0] !== 0) return UNREAD
  const end = PREFIX_BYTES + body.readUInt32BE(1)
  if (end > body.length) return TRUNCATED
  const value = messages.read(service, method, body.subarray(PREFIX_BYTES, end))
  return value === undefined ? UNREAD : { kind: 'message', value }
}

function unreadable(message: string): AuthzError {
  return new AuthzError(AuthzErrorCode.requestUnreadable, message)
}
