import { freePort, type TemporaryDirectory, temporaryDirectory } from '@verdict/kit'
import { createHealth, createLog, createMetrics, type Registry, readConfig } from '@verdict/service'
import { type Authorizer, OPEN } from '../src/authorization/authorizer.ts'
import { settings } from '../src/config.ts'
import { createEvents } from '../src/events.ts'
import { type ServedHttp, serveHttp } from '../src/http.ts'
import type { JournalMessage } from '../src/ingest/journal-message.ts'
import type { Recorded } from '../src/ingest/recorder.ts'
import type { StoreOptions } from '../src/open-store.ts'
import type { RoutedOperation } from '../src/openapi/operation.ts'
import { Store } from '../src/store.ts'
import { Feed } from '../src/stream/feed.ts'

export interface ServedLogOptions {
  readonly keepAliveMs?: number
  readonly drainTimeoutMs?: number
  /** Default: everybody may do everything. */
  readonly authorizer?: Authorizer
  readonly reauthorizationMs?: number
  /** Such as its clock and its shards. */
  readonly storeOptions?: Pick<StoreOptions, 'now' | 'shards'>
}

/** A store behind its HTTP endpoints, without a bus. */
export class ServedLog implements AsyncDisposable {
  readonly store: Store
  readonly feed = new Feed()
  readonly metrics: Registry = createMetrics('audit')
  readonly #dir: TemporaryDirectory
  #http: ServedHttp | undefined
  #url = ''

  private constructor(store: Store, dir: TemporaryDirectory) {
    this.store = store
    this.#dir = dir
  }

  static async start(options: ServedLogOptions = {}): Promise<ServedLog> {
    const dir = temporaryDirectory()
    const served = new ServedLog(await Store.open({ dir: dir.path, ...options.storeOptions }), dir)
    const port = await freePort()
    const config = readConfig(settings, { VERDICT_AUDIT_HTTP_PORT: String(port) }, 'audit')
    const log = createLog({ service: 'audit', instance: 'audit-test', level: 'silent' })
    const { feed, metrics, store } = served
    const events = createEvents(log, metrics)
    const context = { config, log, metrics, health: createHealth() }
    const authorizer = options.authorizer ?? OPEN
    served.#http = await serveHttp({ ...context, ...options, authorizer, store, feed, events })
    served.#url = `http://127.0.0.1:${port}`
    return served
  }

  /** Every route that it serves. */
  get operations(): readonly RoutedOperation[] {
    return this.#http?.operations ?? []
  }

  url(path: string): string {
    return `${this.#url}${path}`
  }

  record(message: JournalMessage): Recorded {
    const recorded = this.store.record(message)
    this.feed.wake()
    return recorded
  }

  /** Status and JSON body of a GET. */
  async get(path: string): Promise<{ status: number; body: ListBody }> {
    const response = await fetch(this.url(path))
    return { status: response.status, body: (await response.json()) as ListBody }
  }

  /** Ends HTTP alone. */
  async stop(): Promise<void> {
    await this.#http?.[Symbol.asyncDispose]()
    this.#http = undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    this.store[Symbol.dispose]()
    await this.#dir[Symbol.asyncDispose]()
  }
}

/** What any of the endpoints may answer. */
export interface ListBody {
  readonly decisions?: { index: number; hash: string; record: { id: string; n: number } }[]
  readonly instances?: unknown[]
  readonly findings?: { id: number }[]
  readonly next?: string
  readonly error?: { code: string; message: string }
}
