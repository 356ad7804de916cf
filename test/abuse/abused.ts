import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type ServiceError, status } from '@grpc/grpc-js'
import {
  type CheckClient,
  type CheckResponse,
  type DecisionPoint,
  startBus,
  startDecisionPoint,
  startIdentityResponder,
  type TestBus,
  waitFor,
} from '@verdict/kit'
import { vi } from 'vitest'

/** A decision point that somebody abuses, and a caller beside them who behaves. */

export const DEADLINE_MS = 30_000
/** What a round of abuse may leave behind for the collector of garbage to find later. */
const SLACK_MEGABYTES = 48
const GROWTH_MAX = 1.3
/** The first window warms up: code is compiled, heaps and caches grow to their size. */
const ROUNDS = { warmUp: 2, after: 2 }

/** How many times longer than in `npm test`; `npm run soak` sets it. */
const LENGTH = Number(process.env['ABUSE_LENGTH'] ?? 1)
const TEST_TIMEOUT_MS = 60_000
vi.setConfig({ testTimeout: TEST_TIMEOUT_MS * LENGTH })

const POLICIES = {
  'authz.rego': `package envoy.authz

default allow := false

allow if input.parsed_path[0] == "a"

allow := {"allowed": false, "http_status": 404, "body": json.marshal(input)} if {
	input.parsed_path[0] == "echo"
}
`,
}

export class Abused implements AsyncDisposable {
  readonly point: DecisionPoint
  readonly bus: TestBus
  readonly #resources: AsyncDisposableStack
  readonly #well: CheckClient

  private constructor(bus: TestBus, point: DecisionPoint, resources: AsyncDisposableStack) {
    this.bus = bus
    this.point = point
    this.#resources = resources
    this.#well = resources.use(toAsync(point.client()))
  }

  static async start(policies: Readonly<Record<string, string>> = POLICIES): Promise<Abused> {
    await using resources = new AsyncDisposableStack()
    const bus = resources.use(await startBus())
    resources.use(await startIdentityResponder(bus))
    const settings = { VERDICT_AUTHZ_PROCESSES: '1', VERDICT_AUTHZ_DECISION_TIMEOUT: '30s' }
    const point = resources.use(await startDecisionPoint({ bus, policies, settings }))
    const abused = new Abused(bus, point, resources.move())
    await abused.answersOthers()
    return abused
  }

  /** What the process holds in memory now. */
  get residentMegabytes(): number {
    const facts = readFileSync(`/proc/${this.point.pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+)/m.exec(facts)?.[1] ?? Number.NaN) / 1_024
  }

  /**
   * Another caller, on a connection of its own, gets a decision; where it is told to come again,
   * it does.
   */
  async answersOthers(): Promise<void> {
    const request = { http: { method: 'GET', path: '/a' } }
    const answered = async (): Promise<CheckResponse | undefined> => {
      try {
        return await this.#well.check({ request }, DEADLINE_MS)
      } catch (thrown) {
        if ((thrown as ServiceError).code === status.RESOURCE_EXHAUSTED) return undefined
        throw thrown
      }
    }
    const answer = await waitFor(answered, {
      deadlineMs: DEADLINE_MS,
      what: 'another to be answered',
    })
    assert.equal(answer.status.code ?? 0, 0)
  }

  /**
   * Rounds of abuse, others being answered meanwhile; then as many again, after which the
   * process may hold hardly more than before them.
   */
  async staysFlat(round: () => Promise<void>): Promise<void> {
    await this.#rounds(ROUNDS.warmUp, round)
    const before = this.residentMegabytes
    await this.#rounds(ROUNDS.after * LENGTH, round)
    const bound = before * GROWTH_MAX + SLACK_MEGABYTES
    await waitFor(() => this.residentMegabytes < bound, {
      deadlineMs: DEADLINE_MS,
      what: `memory below ${Math.round(bound)} MiB, which was ${Math.round(before)}, and is flat`,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync()
  }

  async #rounds(count: number, round: () => Promise<void>): Promise<void> {
    for (let at = 0; at < count; at++) {
      await Promise.all([round(), this.answersOthers()])
    }
  }
}

function toAsync<T extends Disposable>(resource: T): T & AsyncDisposable {
  return Object.assign(resource, {
    async [Symbol.asyncDispose]() {
      resource[Symbol.dispose]()
    },
  })
}
