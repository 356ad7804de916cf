import type { Destination, Outcome } from './decision-record.ts'
import type { ServiceName } from './services.ts'

/**
 * Every NATS subject of the cluster. docs/subjects.md lists them for people; a test holds the two
 * together. A token that comes from outside is encoded by `token`, so that it stays one token.
 */
export const subjects = {
  /** Request/reply, queue group `authn`: IdentifyRequest → IdentifyReply. */
  identify: 'verdict.authn.identify',
  /** Request/reply, queue group `authz`: CheckQuery → CheckAnswer. */
  check: 'verdict.authz.check',
  /** A batch of journal lines of one decision point; the stream DECISIONS. */
  journal: (instance: string): string => `verdict.journal.${token(instance)}`,
  /** One decision that is in the log, for subscribers. */
  decided: (outcome: Outcome, destination: Destination): string =>
    `verdict.decided.${outcome}.${token(destination.namespace ?? '')}.${token(destination.service)}`,
  /** What happened to a decision point between its decisions, which is in the log as well. */
  happened: (kind: string): string => `verdict.decided.event.=.${token(kind)}`,
  /** How far the journal of a decision point is covered by a checkpoint. */
  covered: (instance: string): string => `verdict.covered.${token(instance)}`,
  /** A Heartbeat, every HEARTBEAT_INTERVAL_MS. */
  heartbeat: (service: ServiceName, instance: string): string =>
    `verdict.heartbeat.${service}.${token(instance)}`,
} as const

/** The wildcards that permissions, streams and subscribers use. */
export const wildcards = {
  journal: 'verdict.journal.*',
  decided: 'verdict.decided.*.*.*',
  covered: 'verdict.covered.*',
  heartbeat: 'verdict.heartbeat.*.*',
  /** That a bundle's pointer was changed; the message carries no value. */
  pointerNews: 'verdict.news.pointers.>',
  /** That data of the policies was changed; the message carries no value. */
  dataNews: 'verdict.news.data.>',
} as const

/** Queue groups: copies of a service share its requests. */
export const queues = { authn: 'authn', authz: 'authz' } as const

/**
 * Headers of a message on `verdict.decided.…`, beside those of CloudEvents: its number among the
 * records of the log, its chain hash, and its leaf as `<origin> <index>`.
 */
export const DECIDED_HEADERS = {
  index: 'Verdict-Index',
  hash: 'Verdict-Hash',
  leaf: 'Verdict-Leaf',
} as const

const TOKEN_CHARS_MAX = 128
const PLAIN_TOKEN = /^[A-Za-z0-9_-]{1,128}$/

/**
 * One subject token of any text: `A–Z a–z 0–9 _ -` stand for themselves, every other byte of its
 * UTF-8 is `=` and two hexadecimal digits, the empty text is a lone `=`. Cut at 128 characters.
 */
export function token(text: string): string {
  if (PLAIN_TOKEN.test(text)) return text
  if (text === '') return '='
  let encoded = ''
  for (const byte of Buffer.from(text, 'utf8')) {
    const plain = /[A-Za-z0-9_-]/.test(String.fromCharCode(byte))
    encoded += plain ? String.fromCharCode(byte) : `=${byte.toString(16).padStart(2, '0')}`
    if (encoded.length >= TOKEN_CHARS_MAX) break
  }
  return encoded
}
