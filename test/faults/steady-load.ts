import { CheckClient, type Cluster } from '@verdict/kit'

const REQUEST_DEADLINE_MS = 3_000
const UNAVAILABLE = 14
/** Requests under way at once; when all are out, the next one waits. */
export const IN_FLIGHT_MAX = 32

/** What became of the requests of a load. */
export interface LoadResult {
  /** The ids of all decisions that a caller was told. */
  readonly answered: readonly string[]
  /** Requests that got an error instead: a failed call, or 503. */
  readonly errors: number
  /** Answers that are neither a decision nor an error: there must be none. */
  readonly strange: readonly string[]
}

/**
 * A steady stream of requests, by turns over gRPC and HTTP, each from another workload so that
 * authn is asked for each. It never stops because of an error.
 */
export class SteadyLoad {
  readonly #cluster: Cluster
  readonly #client: CheckClient
  readonly #timer: NodeJS.Timeout
  readonly #inFlight = new Set<Promise<void>>()
  readonly #answered: string[] = []
  readonly #strange: string[] = []
  #errors = 0
  #cut = 0
  #sent = 0

  constructor(cluster: Cluster, { perSecond }: { perSecond: number }) {
    this.#cluster = cluster
    this.#client = new CheckClient(cluster.port('authzGrpc'))
    this.#timer = setInterval(() => this.#send(), 1000 / perSecond)
  }

  get answered(): number {
    return this.#answered.length
  }

  /** Requests whose connection was refused, or ended before there was an answer. */
  get cut(): number {
    return this.#cut
  }

  async stop(): Promise<LoadResult> {
    clearInterval(this.#timer)
    await Promise.all(this.#inFlight)
    this.#client[Symbol.dispose]()
    return { answered: this.#answered, errors: this.#errors, strange: this.#strange }
  }

  #send(): void {
    if (this.#inFlight.size >= IN_FLIGHT_MAX) return
    const n = this.#sent++
    const request = (n % 2 === 0 ? this.#grpc(n) : this.#http(n)).finally(() => {
      this.#inFlight.delete(request)
    })
    this.#inFlight.add(request)
  }

  async #grpc(n: number): Promise<void> {
    const attributes = {
      source: { principal: `spiffe://shop.example/ns/shop/sa/load-${n}` },
      request: { http: { method: 'GET', path: '/catalog/items', host: 'catalog.shop' } },
      context_extensions: { service: 'catalog', namespace: 'shop' },
    }
    try {
      const answer = await this.#client.check(attributes, REQUEST_DEADLINE_MS)
      this.#note(answer.dynamic_metadata?.fields['decision_id']?.stringValue, answer)
    } catch (error) {
      this.#errors++
      if (isCut(error)) this.#cut++
    }
  }

  async #http(n: number): Promise<void> {
    try {
      const answer = await fetch(`${this.#cluster.url('authzHttp')}/check`, {
        headers: {
          'x-forwarded-method': n % 4 === 1 ? 'GET' : 'POST',
          'x-forwarded-host': 'catalog.shop',
          'x-forwarded-uri': `/catalog/items/${n}`,
        },
        signal: AbortSignal.timeout(REQUEST_DEADLINE_MS),
      })
      await answer.arrayBuffer()
      if (answer.status >= 500) this.#errors++
      else this.#note(answer.headers.get('x-verdict-decision-id') ?? undefined, answer.status)
    } catch (error) {
      this.#errors++
      if (isCut(error)) this.#cut++
    }
  }

  #note(id: string | undefined, answer: unknown): void {
    if (id === undefined) this.#strange.push(JSON.stringify(answer))
    else this.#answered.push(id)
  }
}

/** Neither a fault that the decision point told, which begins with its code, nor a deadline. */
function isCut(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (!('details' in error)) return error.name === 'TypeError'
  const { code, details } = error as Error & { code?: unknown; details: unknown }
  return code === UNAVAILABLE && !/^[a-z_]+: /.test(String(details))
}
