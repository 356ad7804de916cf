import type { Protocol } from '@verdict/contract'
import { isOwnHeader } from './own-headers.ts'

/**
 * A question as every step after the adapters sees it. `attributes` is Envoy's AttributeContext by
 * its JSON names, whatever the protocol was: it becomes `input.attributes` as it stands.
 */
export interface DecisionRequest {
  readonly protocol: Protocol
  /** Undefined where Envoy sent none. */
  readonly attributes: Attributes | undefined
  /** When the last byte was here, on the clock of `performance.now()`. */
  readonly receivedMs: number
  /**
   * The caller reads the verdict from an HTTP status alone: a denial must have one that nobody
   * takes for an allowance or a fault.
   */
  readonly verdictIsStatus: boolean
  /** The rule that the caller asks for; undefined where it leaves that to us. */
  readonly entrypoint?: string
}

export interface Attributes {
  readonly source?: Peer
  readonly destination?: Peer
  readonly request?: { readonly time?: Timestamp; readonly http?: HttpAttributes }
  readonly contextExtensions?: Readonly<Record<string, string>>
  readonly metadataContext?: object
  readonly routeMetadataContext?: object
  readonly tlsSession?: { readonly sni?: string }
}

export interface Peer {
  readonly address?: {
    readonly socketAddress?: SocketAddress
    readonly pipe?: object
    readonly envoyInternalAddress?: object
  }
  readonly service?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly principal?: string
  readonly certificate?: string
}

export interface SocketAddress {
  /** 1 is UDP; left out, it is TCP. */
  readonly protocol?: number
  readonly address?: string
  readonly portValue?: number
}

export interface Timestamp {
  readonly seconds?: number
  readonly nanos?: number
}

export interface HttpAttributes {
  readonly id?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | undefined>>
  /** Instead of `headers` where Envoy has `encode_raw_headers`. */
  readonly headerMap?: { readonly headers?: readonly RawHeader[] }
  readonly path?: string
  readonly host?: string
  readonly scheme?: string
  readonly query?: string
  readonly fragment?: string
  readonly size?: number
  readonly protocol?: string
  readonly body?: string
  /** Base64. */
  readonly rawBody?: string
}

export interface RawHeader {
  readonly key?: string
  readonly value?: string
  /** Base64. */
  readonly rawValue?: string
}

/** What the caller of an adapter lets us know while we work for it. */
export interface Caller {
  /** True as soon as it waits no more. */
  readonly gone: boolean
  /** Until when it waits, on the clock of `performance.now()`; undefined where it does not say. */
  readonly deadlineMs?: number | undefined
}

/**
 * A header in either form, by its name in lower case. Values that came several times are joined by
 * a comma, so that a repeated credential is seen, and is not valid.
 */
export function headerOf(http: HttpAttributes | undefined, name: string): string | undefined {
  const plain = http?.headers?.[name]
  const raw = http?.headerMap?.headers
  if (raw === undefined) return plain
  const values = plain === undefined ? [] : [plain]
  for (const { key = '', value, rawValue } of raw) {
    if (key.toLowerCase() === name) values.push(value ?? decodeText(rawValue))
  }
  return values.length === 0 ? undefined : values.join(',')
}

/** The headers in our name that a request came with. */
export function ownHeadersOf(http: HttpAttributes | undefined): readonly string[] {
  let own = NO_HEADERS
  for (const name in http?.headers) if (isOwnHeader(name)) own = [...own, name]
  for (const { key = '' } of http?.headerMap?.headers ?? [])
    if (isOwnHeader(key)) own = [...own, key]
  return own
}

const NO_HEADERS: readonly string[] = []

/** Now, as `attributes.request.time`. */
export function timestamp(): Timestamp {
  const nowMs = Date.now()
  const seconds = Math.floor(nowMs / 1_000)
  return { seconds, nanos: (nowMs - seconds * 1_000) * 1_000_000 }
}

function decodeText(base64: string | undefined): string {
  return base64 === undefined ? '' : Buffer.from(base64, 'base64').toString('utf8')
}

/** The `size` of a request as Envoy says it: -1 where the length is not known, or not one number. */
export function sizeOf(contentLength: string | undefined): number {
  return contentLength !== undefined && /^\d{1,15}$/.test(contentLength)
    ? Number(contentLength)
    : -1
}
