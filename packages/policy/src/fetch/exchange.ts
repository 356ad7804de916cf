import {
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as requestHttp,
} from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { messageOf } from '@verdict/contract'
import { PolicyError, PolicyErrorCode } from '../errors.ts'
import { lookupFor } from './addresses.ts'
import { firstOf, type ResponseHeaders, responseHeaders } from './headers.ts'
import type { Reach } from './hosts.ts'
import { FailureCode, FetchFailure } from './question.ts'
import type { HttpRequest } from './request.ts'

/** An answer that is longer, also when it is unpacked, fails the evaluation. */
export const ANSWER_BYTES_MAX = 1_024 * 1_024
/** Longer headers of an answer are a failed request. */
export const HEADER_BYTES_MAX = 64 * 1_024
/** Connections to one host; requests beyond wait for one, until their time is over. */
const CONNECTIONS_PER_HOST_MAX = 64
/** Connections that are kept for the next request; beyond, they are closed. */
const CONNECTIONS_IDLE_MAX = 16
const USER_AGENT = 'verdict'
/** Those that a connection, which its server just closed, may have swallowed are sent again. */
const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])
/** They say that they have no body, where others just have none. */
const BODILY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

/** What a server has answered. */
export interface HttpResponse {
  /** Such as `200 OK`. */
  readonly status: string
  readonly statusCode: number
  readonly headers: ResponseHeaders
  readonly body: Buffer
}

interface Sending {
  readonly reach: Reach
  readonly signal: AbortSignal
  /** Whether the answer may be packed, which its reader is not to notice. */
  readonly asksGzip: boolean
}

const unpack = promisify(gunzip)

/** Connections that requests of the policies share, but for those with their own certificates. */
export class Connections {
  readonly #options = {
    keepAlive: true,
    maxSockets: CONNECTIONS_PER_HOST_MAX,
    maxFreeSockets: CONNECTIONS_IDLE_MAX,
  }
  readonly #http = new HttpAgent(this.#options)
  readonly #https = new HttpsAgent(this.#options)

  /**
   * Sends one request and reads its answer.
   * @throws {FetchFailure}, and {PolicyError} `fetch_answer_too_large`
   */
  async exchange(request: HttpRequest, reach: Reach, signal: AbortSignal): Promise<HttpResponse> {
    const asksGzip = request.method !== 'HEAD' && !named(request, 'accept-encoding', 'range')
    const response = await this.#respond(request, { reach, signal, asksGzip })
    const headers = responseHeaders(response.rawHeaders)
    try {
      const body = await bodyOf(response)
      const isPacked = asksGzip && /^gzip$/i.test(firstOf(headers, 'content-encoding'))
      const { statusCode = 0, statusMessage = '' } = response
      const status = `${statusCode} ${statusMessage}`
      if (!isPacked || body.length === 0) return { status, statusCode, headers, body }
      for (const name of ['content-encoding', 'content-length']) headers.delete(name)
      return { status, statusCode, headers, body: await unpacked(body) }
    } catch (cause) {
      response.destroy()
      if (cause instanceof PolicyError) throw cause
      const why = `the body cannot be read: ${messageOf(cause)}`
      throw new FetchFailure(FailureCode.internal, why, { cause })
    }
  }

  async #respond(request: HttpRequest, options: Sending): Promise<IncomingMessage> {
    for (let isFirst = true; ; isFirst = false) {
      let sent: ClientRequest | undefined
      try {
        sent = this.#send(request, options)
        return await responseTo(sent)
      } catch (cause) {
        const isReset = (cause as NodeJS.ErrnoException).code === 'ECONNRESET'
        const isStale = isReset && sent?.reusedSocket === true
        if (isFirst && isStale && REPEATABLE.has(request.method)) continue
        throw new FetchFailure(FailureCode.network, messageOf(cause), { cause })
      }
    }
  }

  /** @throws {TypeError} where a header cannot be sent */
  #send(request: HttpRequest, { reach, signal, asksGzip }: Sending): ClientRequest {
    const { method, target, body, tls } = request
    const shared = target.isSecure ? this.#https : this.#http
    const sent = (target.isSecure ? requestHttps : requestHttp)({
      method,
      hostname: target.hostname,
      port: target.port,
      path: target.path,
      headers: headersOf(request, asksGzip),
      agent: tls === undefined ? shared : false,
      lookup: lookupFor(reach),
      maxHeaderSize: HEADER_BYTES_MAX,
      signal,
      ...tls,
      ca: tls?.ca?.slice(),
    })
    return sent.end(body)
  }
}

/** What the policy says stands in the place of what is usual. */
function headersOf(
  { method, target, headers, host, referer, body }: HttpRequest,
  asksGzip: boolean,
): OutgoingHttpHeaders {
  const named: OutgoingHttpHeaders = {
    host: host ?? target.host,
    'user-agent': USER_AGENT,
    ...(target.authorization && { authorization: target.authorization }),
    ...(referer && { referer }),
    ...(asksGzip && { 'accept-encoding': 'gzip' }),
    ...((body.length > 0 || BODILY.has(method)) && { 'content-length': body.length }),
  }
  // A header is bytes: Node writes Latin-1, Go what the text is in UTF-8.
  for (const [name, value] of headers) {
    named[name.toLowerCase()] = Buffer.from(value, 'utf8').toString('latin1')
  }
  return named
}

async function responseTo(sent: ClientRequest): Promise<IncomingMessage> {
  return await new Promise((resolve, reject) => {
    sent.on('response', resolve).on('error', reject)
    // A response that turns into another protocol is none: the connection is closed then.
    sent.on('close', () => reject(new Error('the connection was closed')))
  })
}

function named({ headers }: HttpRequest, ...names: readonly string[]): boolean {
  return headers.some(([name]) => names.includes(name.toLowerCase()))
}

async function bodyOf(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > ANSWER_BYTES_MAX) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

async function unpacked(body: Buffer): Promise<Buffer> {
  try {
    return await unpack(body, { maxOutputLength: ANSWER_BYTES_MAX })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge()
    throw cause
  }
}

function tooLarge(): PolicyError {
  return new PolicyError(
    PolicyErrorCode.fetchTooLarge,
    `a service answered with more than ${ANSWER_BYTES_MAX} bytes: ask it for less, ` +
      'or push what it knows into the data of the policy',
  )
}
