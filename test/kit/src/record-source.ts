import {
  chainHash,
  type Decision,
  encodeRecord,
  genesisHash,
  newDecisionId,
  subjects,
} from '@verdict/contract'
import type { TestMessage } from './test-journal.ts'
import { TestSealKey } from './test-seal-key.ts'

const PRINCIPALS = 2_000
const PATHS = 60
const REFUSED_EVERY = 10
const EPOCH = 1
/** As long as a digest: a line then has 660 bytes. */
const REVISION = '0'.repeat(64)

/** The last record of a message. */
export interface LastRecord {
  readonly id: string
  readonly n: number
  readonly timeMs: number
}

/** The journal of a decision point that decides as often as it is told, and keeps nothing. */
export class RecordSource {
  readonly instance: string
  readonly #key: TestSealKey
  #n = 0
  #hash: string
  #last: LastRecord = { id: '', n: 0, timeMs: 0 }

  constructor(instance: string) {
    this.instance = instance
    this.#key = new TestSealKey(instance)
    this.#hash = genesisHash(instance, EPOCH)
  }

  get last(): LastRecord {
    return this.#last
  }

  /** The next records as a message of the stream, sealed; decided at the time that is given for each. */
  message(count: number, timeOf: (n: number) => number = Date.now): TestMessage {
    const lines = Array.from({ length: count }, () => this.#line(timeOf))
    const { instance } = this
    const data = this.#key.message(lines, { instance, epoch: EPOCH })
    return { data, subject: subjects.journal(instance), seq: 0 }
  }

  #line(timeOf: (n: number) => number) {
    const n = ++this.#n
    const timeMs = timeOf(n)
    const decision = decisionOf(n, timeMs)
    const json = encodeRecord(decision, { instance: this.instance, epoch: EPOCH, n })
    this.#hash = chainHash(this.#hash, json)
    this.#last = { id: decision.id, n, timeMs }
    return { hash: this.#hash, json, record: { n } as never }
  }
}

/** The name of the principal of a record. */
export function principalOf(n: number): string {
  return `user-${n % PRINCIPALS}`
}

function decisionOf(n: number, timeMs: number): Decision {
  const allowed = n % REFUSED_EVERY !== 0
  const subject = principalOf(n)
  return {
    destination: { namespace: 'shop', service: 'orders' },
    durationUs: 250,
    id: newDecisionId(),
    identity: { status: 'verified', subject, issuer: 'https://issuer.test' },
    outcome: allowed ? 'allow' : 'deny',
    policy: { entrypoint: 'envoy/authz/allow', revision: REVISION },
    principal: subject,
    protocol: 'envoy-grpc',
    reason: allowed ? 'allowed' : 'no_rule',
    request: { host: 'orders', method: 'GET', path: `/orders/${n % PATHS}`, scheme: 'http' },
    source: { address: '10.0.0.1' },
    status: allowed ? 200 : 403,
    time: new Date(timeMs).toISOString(),
  }
}
