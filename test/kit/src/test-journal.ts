import {
  chainHash,
  type Decision,
  type DecisionLine,
  encodeRecord,
  genesisHash,
  isDecisionLine,
  type JournalLine,
  newDecisionId,
  parseJournalLine,
  subjects,
} from '@verdict/contract'
import { TestSealKey } from './test-seal-key.ts'

const BASE_TIME_MS = Date.parse('2026-03-01T00:00:00Z')

/** What a test says of a decision; the rest is filled in. */
export interface DecisionParts {
  readonly outcome?: Decision['outcome']
  readonly principal?: string
  readonly path?: string
  readonly destination?: Decision['destination']
  readonly timeMs?: number
  readonly reason?: string
  /** The SPIFFE ID of the workload that asks. */
  readonly workload?: string
  readonly durationUs?: number
  /** Of a dry run. */
  readonly enforced?: false
}

/** A message of the stream DECISIONS. */
export interface TestMessage {
  readonly data: Uint8Array
  readonly subject: string
  readonly seq: number
}

/** The journal of one decision point: valid lines, one after the other. */
export class TestJournal {
  readonly instance: string
  readonly epoch: number
  readonly lines: DecisionLine[] = []
  readonly key: TestSealKey

  constructor(instance: string, epoch = 1) {
    this.instance = instance
    this.epoch = epoch
    this.key = new TestSealKey(instance)
  }

  get subject(): string {
    return subjects.journal(this.instance)
  }

  /** Writes the next line. */
  append(parts: DecisionParts = {}): DecisionLine {
    const n = this.lines.length + 1
    const { instance, epoch } = this
    const json = encodeRecord(decisionOf(n, parts), { instance, epoch, n })
    const previous = this.lines.at(-1)?.hash ?? genesisHash(instance, epoch)
    const line = decisionLine(`${chainHash(previous, json)} ${json}`)
    this.lines.push(line)
    return line
  }

  /** Writes several lines alike. */
  appendAll(count: number, parts: DecisionParts = {}): DecisionLine[] {
    return Array.from({ length: count }, () => this.append(parts))
  }

  /** Lines as a message of the stream, sealed. */
  message(lines: readonly JournalLine[], seq = 1): TestMessage {
    return { data: this.sealed(lines), subject: this.subject, seq }
  }

  /** The bytes of a message: the key of this journal, the lines, and their seal. */
  sealed(lines: readonly JournalLine[]): Uint8Array {
    const { instance, epoch } = this
    return this.key.message(lines, { instance, epoch })
  }
}

/** Lines as they are in a journal, without a seal. */
export function batchOf(lines: readonly JournalLine[]): Uint8Array {
  return Buffer.from(lines.map(({ hash, json }) => `${hash} ${json}\n`).join(''))
}

/** The same line with another text, under the hash that it had. */
export function tampered(line: JournalLine, from: string, to: string): DecisionLine {
  const json = line.json.replaceAll(from, to)
  if (json === line.json) throw new Error(`no ${from} in the line`)
  return decisionLine(`${line.hash} ${json}`)
}

function decisionLine(text: string): DecisionLine {
  const line = parseJournalLine(text)
  if (!isDecisionLine(line)) throw new Error('the line is of no decision')
  return line
}

function decisionOf(n: number, parts: DecisionParts): Decision {
  const { destination = { namespace: 'shop', service: 'orders' }, outcome = 'allow' } = parts
  const { path = '/orders', principal = 'alice', timeMs = BASE_TIME_MS + n } = parts
  const { durationUs = 250, reason = outcome === 'allow' ? 'allowed' : 'no_rule' } = parts
  const issuer = 'https://issuer.test'
  return {
    destination,
    durationUs,
    id: newDecisionId(),
    identity: {
      ...{ status: 'verified', subject: principal, issuer },
      ...(parts.workload === undefined ? {} : { workload: parts.workload }),
    },
    ...(parts.enforced === undefined ? undefined : { enforced: parts.enforced }),
    outcome,
    policy: { entrypoint: 'envoy/authz/allow', revision: '0'.repeat(64) },
    principal,
    protocol: 'envoy-grpc',
    reason,
    request: { host: 'orders', method: 'GET', path, scheme: 'http' },
    source: { address: '10.0.0.1' },
    status: outcome === 'allow' ? 200 : 403,
    time: new Date(timeMs).toISOString(),
  }
}
