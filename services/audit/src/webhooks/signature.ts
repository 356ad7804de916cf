import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** As Standard Webhooks has it (standardwebhooks.com): secrets are 24 to 64 bytes. */
const SECRET = /^whsec_([A-Za-z0-9+/]+={0,2})$/
const SECRET_BYTES_MIN = 24
const SECRET_BYTES_MAX = 64

/** The key in a file: `whsec_` and base64. @throws {Error} that shows nothing of it */
export function readSecret(file: string): Uint8Array {
  const text = readFileSync(file, 'utf8').trim()
  const key = Buffer.from(SECRET.exec(text)?.[1] ?? '', 'base64')
  if (key.length >= SECRET_BYTES_MIN && key.length <= SECRET_BYTES_MAX) return key
  const expected = `\`whsec_\` and ${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX} bytes in base64`
  throw new Error(`\`${file}\` holds no secret of a webhook: expected ${expected}`)
}

/** The headers by which a receiver knows who sent a message, when, and whether it came before. */
export function signedHeaders(
  { id, body, timeMs }: { readonly id: string; readonly body: string; readonly timeMs: number },
  key: Uint8Array,
): Record<string, string> {
  const timestamp = String(Math.floor(timeMs / 1_000))
  const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${mac}`,
  }
}
