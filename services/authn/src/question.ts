import type { IdentifyReply, IdentifyRequest } from '@verdict/contract'
import { AuthnError, AuthnErrorCode } from './errors.ts'

const FIELDS = ['authorization', 'sourcePrincipal', 'forwardedClientCert'] as const

const decoder = new TextDecoder('utf-8', { fatal: true })
const encoder = new TextEncoder()

/** @throws {AuthnError} `malformed_question` */
export function decodeQuestion(payload: Uint8Array): IdentifyRequest {
  const value = parse(payload)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed('it is no object')
  }
  const fields: Readonly<Record<string, unknown>> = { ...value }
  const request: Record<string, string> = {}
  for (const name of FIELDS) {
    const field = fields[name]
    if (field === undefined) continue
    if (typeof field !== 'string') throw malformed(`\`${name}\` is no text`)
    request[name] = field
  }
  return request
}

export function encodeReply(reply: IdentifyReply): Uint8Array {
  return encoder.encode(JSON.stringify(reply))
}

function parse(payload: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(payload))
  } catch {
    // The parser's error quotes the question, and with it the token: it must not reach a log.
    throw malformed('it is not JSON')
  }
}

function malformed(why: string): AuthnError {
  const message = `the question is no IdentifyRequest: ${why}`
  return new AuthnError(AuthnErrorCode.malformedQuestion, message)
}
