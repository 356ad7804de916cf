import { compactVerify } from 'jose'
import type { BundleKey } from './keys.ts'

/**
 * The payload of a compact JWS that a key has signed. There is one text for it: base64url has bits
 * at its end that mean nothing, and here they are zero.
 * @throws {Error} where it is not valid
 */
export async function verifyJws(
  text: string,
  { key, algorithm }: BundleKey,
): Promise<Readonly<Record<string, unknown>>> {
  const parts = text.split('.')
  if (parts.some((part) => Buffer.from(part, 'base64url').toString('base64url') !== part)) {
    throw new SyntaxError('it is not as base64url is written')
  }
  const { payload } = await compactVerify(text, key, { algorithms: [algorithm] })
  return objectOf(payload)
}

/** A JSON object. @throws {Error} where it is none */
export function objectOf(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) {
    return json as Readonly<Record<string, unknown>>
  }
  throw new SyntaxError('it is no JSON object')
}
