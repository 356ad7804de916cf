import { setInterval } from 'node:timers/promises'
import { VerdictError } from '@verdict/contract'
import { RoutesError } from '../errors.ts'
import type { RouteTable } from './route-table.ts'
import { RoutesFile } from './routes-file.ts'

/** How often the file of routes is looked at. */
const LOOK_INTERVAL_MS = 1_000
/** Routes whose rules are not there are tried again after this long, or with other policies. */
const RETRY_MS = 30_000

export interface FollowedRoutesOptions {
  readonly file: string
  /** Puts routes into force. Rejects with a VerdictError where their rules are not there. */
  readonly adopt: (routes: RouteTable) => Promise<void>
  readonly events: {
    routesActive(routes: number): void
    routesRefused(error: VerdictError): void
  }
}

/** The file of routes, followed: what is refused changes nothing, and is told once. */
export class FollowedRoutes implements AsyncDisposable {
  readonly #options: FollowedRoutesOptions
  readonly #file: RoutesFile
  readonly #closing = new AbortController()
  /** Routes whose rules were not there, and when that is tried again. */
  #pending: { readonly routes: RouteTable; retryAtMs: number } | undefined
  #following: Promise<void> | undefined
  #refused: VerdictError | undefined

  constructor(options: FollowedRoutesOptions) {
    this.#options = options
    this.#file = new RoutesFile(options.file)
  }

  /** Why the file, as it is now, is not in force. */
  get refused(): VerdictError | undefined {
    return this.#refused
  }

  /** What the file says at the start. @throws {RoutesError} `routes_unusable` */
  first(): RouteTable | undefined {
    return this.#file.look()
  }

  /** Looks at the file from now on. */
  follow(): void {
    this.#following = this.#run()
  }

  /** Other policies may have the rules that were missed. */
  retry(): void {
    if (this.#pending !== undefined) this.#pending.retryAtMs = 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#following
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    try {
      for await (const _ of setInterval(LOOK_INTERVAL_MS, undefined, { signal, ref: false })) {
        await this.#look()
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  async #look(): Promise<void> {
    const { adopt, events } = this.#options
    try {
      const routes = this.#file.look()
      if (routes !== undefined) this.#pending = { routes, retryAtMs: 0 }
    } catch (error) {
      if (!(error instanceof RoutesError)) throw error
      this.#pending = undefined
      this.#refuse(error)
    }
    const pending = this.#pending
    if (pending === undefined || performance.now() < pending.retryAtMs) return
    // Whatever becomes active meanwhile may lead to a try before that.
    pending.retryAtMs = performance.now() + RETRY_MS
    try {
      await adopt(pending.routes)
      this.#pending = undefined
      this.#refused = undefined
      events.routesActive(pending.routes.size)
    } catch (error) {
      if (!(error instanceof VerdictError)) throw error
      if (!this.#closing.signal.aborted) this.#refuse(error)
    }
  }

  #refuse(error: VerdictError): void {
    const isNew = error.message !== this.#refused?.message
    this.#refused = error
    if (isNew) this.#options.events.routesRefused(error)
  }
}
