import { Outcome, Protocol } from '@verdict/contract'
import { Counter, Histogram, type Registry } from '@verdict/service'
import type { AmbiguityFinding } from '../canonicalise/ambiguity.ts'
import { AuthzErrorCode } from '../errors.ts'
import type { DecisionRequest } from '../request.ts'
import { PluginMetrics } from './plugin-metrics.ts'
import { Tally, type TallyLine } from './tally.ts'

/** From a decision with everything at hand to one that waits for authn and a slow disk. */
const DURATION_BUCKETS_S = [
  0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
]

interface Observer {
  observe(value: number): void
}

/** What is counted and measured of questions. */
export class DecisionMetrics {
  readonly #decisions: Readonly<Record<Protocol, Readonly<Record<Outcome, TallyLine>>>>
  readonly #durations: ReadonlyMap<Protocol, Observer>
  readonly #faults: Readonly<Record<Protocol, Readonly<Record<AuthzErrorCode, TallyLine>>>>
  readonly #refused: Counter<'protocol'>
  readonly #ambiguities: Counter<'kind' | 'answer'>
  readonly #hits: TallyLine
  readonly #misses: TallyLine
  readonly #evaluated: TallyLine
  readonly #remembered: TallyLine
  readonly #plugin: PluginMetrics | undefined

  constructor(registry: Registry, pluginMetrics: boolean) {
    const registers = [registry]
    const made = 'Decisions that are on record.'
    const decisions = new Tally(registry, 'verdict_decisions_total', made, ['outcome', 'protocol'])
    this.#decisions = eachOf(Protocol, (protocol) =>
      eachOf(Outcome, (outcome) => decisions.line({ outcome, protocol })),
    )
    const duration = new Histogram({
      name: 'verdict_decision_duration_seconds',
      help: 'From the last byte of a request to its durable record.',
      labelNames: ['protocol'],
      buckets: DURATION_BUCKETS_S,
      registers,
    })
    const protocols = Object.values(Protocol)
    this.#durations = new Map(protocols.map((protocol) => [protocol, duration.labels(protocol)]))
    const failed = 'Questions without a decision, because of a fault.'
    const faults = new Tally(registry, 'verdict_decision_faults_total', failed, [
      'code',
      'protocol',
    ])
    this.#faults = eachOf(Protocol, (protocol) =>
      eachOf(AuthzErrorCode, (code) => faults.line({ code, protocol })),
    )
    this.#refused = new Counter({
      name: 'verdict_questions_refused_total',
      help: 'Questions that were no question: malformed or contradictory.',
      labelNames: ['protocol'],
      registers,
    })
    this.#ambiguities = new Counter({
      name: 'verdict_ambiguities_total',
      help: 'Kinds of ambiguity that requests had and that were not allowed.',
      labelNames: ['kind', 'answer'],
      registers,
    })
    const asked = 'Identities that were asked for; a hit needed no message to authn.'
    const identities = new Tally(registry, 'verdict_identity_cache_total', asked, ['result'])
    this.#hits = identities.line({ result: 'hit' })
    this.#misses = identities.line({ result: 'miss' })
    const answered = 'Answers of policies: evaluated anew, or remembered.'
    const answers = new Tally(registry, 'verdict_policy_answers_total', answered, ['result'])
    this.#evaluated = answers.line({ result: 'evaluated' })
    this.#remembered = answers.line({ result: 'remembered' })
    this.#plugin = pluginMetrics ? new PluginMetrics(registry) : undefined
  }

  decided(outcome: Outcome, request: DecisionRequest, unreadable: boolean): void {
    const { protocol, receivedMs } = request
    this.#decisions[protocol][outcome].count += 1
    this.#durations.get(protocol)?.observe((performance.now() - receivedMs) / 1_000)
    this.#plugin?.decided(outcome, request, unreadable)
  }

  faulted(code: AuthzErrorCode, request: DecisionRequest): void {
    this.#faults[request.protocol][code].count += 1
    this.#plugin?.faulted(code, request)
  }

  refused(protocol: Protocol): void {
    this.#refused.inc({ protocol })
  }

  ambiguous({ refused, flagged }: AmbiguityFinding): void {
    if (refused !== undefined) this.#ambiguities.inc({ kind: refused, answer: 'refused' })
    for (const kind of flagged) this.#ambiguities.inc({ kind, answer: 'flagged' })
  }

  evaluated(remembered: boolean): void {
    const line = remembered ? this.#remembered : this.#evaluated
    line.count += 1
  }

  identityCacheHit(): void {
    this.#hits.count += 1
  }

  identityCacheMiss(): void {
    this.#misses.count += 1
  }
}

function eachOf<Key extends string, Value>(
  keys: Readonly<Record<string, Key>>,
  make: (key: Key) => Value,
): Record<Key, Value> {
  const entries = Object.values(keys).map((key) => [key, make(key)] as const)
  return Object.fromEntries(entries) as Record<Key, Value>
}
