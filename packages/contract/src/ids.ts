import { randomFillSync } from 'node:crypto'

/** A UUIDv7 in lower case (RFC 9562, section 5.7): its first 48 bits are the time in ms. */
export type DecisionId = string & { readonly brand: 'DecisionId' }

const DECISION_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** Random bytes are drawn in blocks, because one draw per id costs more than the id. */
const RANDOM_BLOCK_BYTES = 4096
const RANDOM_BYTES_PER_ID = 10
const block = Buffer.alloc(RANDOM_BLOCK_BYTES)
let used = RANDOM_BLOCK_BYTES

export function newDecisionId(nowMs: number = Date.now()): DecisionId {
  if (used + RANDOM_BYTES_PER_ID > RANDOM_BLOCK_BYTES) {
    randomFillSync(block)
    used = 0
  }
  const random = block.toString('hex', used, used + RANDOM_BYTES_PER_ID)
  used += RANDOM_BYTES_PER_ID
  const time = nowMs.toString(16).padStart(12, '0')
  const variant = ((Number.parseInt(random.charAt(3), 16) & 0x3) | 0x8).toString(16)
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-${variant}${random.slice(
    4,
    7,
  )}-${random.slice(7, 19)}` as DecisionId
}

export function isDecisionId(text: string): text is DecisionId {
  return DECISION_ID.test(text)
}
