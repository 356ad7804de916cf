import { VerdictError } from '@verdict/contract'

/** The statuses of gRPC that we answer with, by our names for them. */
export const GrpcStatus = {
  ok: 0,
  invalid_argument: 3,
  deadline_exceeded: 4,
  not_found: 5,
  permission_denied: 7,
  resource_exhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const
export type GrpcStatusName = keyof typeof GrpcStatus

/** What a handler throws to end a call with another status than ok. */
export class GrpcError extends VerdictError<GrpcStatusName> {
  override readonly name = 'GrpcError'
  /** Tells the client how long to wait before it asks again. */
  readonly retryAfterMs: number | undefined

  constructor(
    code: GrpcStatusName,
    message: string,
    options?: { cause?: unknown; retryAfterMs?: number },
  ) {
    super(code, message, options)
    this.retryAfterMs = options?.retryAfterMs
  }
}

/** A longer message would only fill header tables. */
const MESSAGE_CHARS_MAX = 1024
const NEEDS_ESCAPE = /[^\x20-\x24\x26-\x7e]/

/**
 * The value of `grpc-message`: bytes outside of printable ASCII, and `%`, are `%` and two
 * hexadecimal digits (gRPC over HTTP2, section Responses).
 */
export function encodeGrpcMessage(message: string): string {
  const text = message.length > MESSAGE_CHARS_MAX ? message.slice(0, MESSAGE_CHARS_MAX) : message
  if (!NEEDS_ESCAPE.test(text)) return text
  let encoded = ''
  for (const byte of Buffer.from(text, 'utf8')) {
    encoded +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return encoded
}

const TIMEOUT = /^(\d{1,8})([HMSmun])$/
const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
}

/** The value of `grpc-timeout` in ms, such as 200 of `200m`; undefined where it is malformed. */
export function parseGrpcTimeout(text: string): number | undefined {
  const [, digits, unit = ''] = TIMEOUT.exec(text) ?? []
  const unitMs = UNIT_MS[unit]
  return digits === undefined || unitMs === undefined ? undefined : Number(digits) * unitMs
}
