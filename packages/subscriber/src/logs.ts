import {
  createVerifier,
  type NoteVerifier,
  parseTrustPolicy,
  parseVerifierKey,
  type TrustPolicy,
} from '@verdict/tlog'
import { SubscriberError, SubscriberErrorCode } from './errors.ts'
import { LogFiles } from './log-files.ts'
import type { SubscriberState } from './state.ts'
import { TrustedLog } from './trusted-log.ts'

/** Shards of a log that are looked at; one more is refused. Old ones are few: one a month. */
const SHARDS_MAX = 256

/** The log that events are compared with. */
export interface LogOptions {
  /** Where it, or a mirror of it, is read: the audit service, or any web server; not trusted. */
  readonly url: string
  /** Its key, `<origin>+<id>+<key>`, which was got some other way than the log. */
  readonly key: string
  /** A `tlog-policy` with the witnesses that must have signed; default: none need. */
  readonly policy?: string
}

/** The log, and the shards that it is made of, each a log of its own under the same key. */
export class Logs {
  readonly #options: LogOptions & { readonly coverMs: number; readonly signal: AbortSignal }
  readonly #base: NoteVerifier
  readonly #policy: TrustPolicy | undefined
  readonly #logs = new Map<string, TrustedLog>()
  readonly #known: SubscriberState['logs']

  /** @throws {TlogError} `note_key_malformed`, `trust_policy_malformed` */
  constructor(
    options: LogOptions & { readonly coverMs: number; readonly signal: AbortSignal },
    known: SubscriberState['logs'],
  ) {
    this.#options = options
    this.#base = parseVerifierKey(options.key)
    this.#policy = options.policy === undefined ? undefined : parseTrustPolicy(options.policy)
    this.#known = known
  }

  /** The log of an origin; undefined where it is not this log, nor a shard of it. */
  of(origin: string): TrustedLog | undefined {
    const there = this.#logs.get(origin)
    if (there) return there
    const folder = this.#folderOf(origin)
    if (folder === undefined) return undefined
    if (this.#logs.size >= SHARDS_MAX) {
      const message = `the events are of more than ${SHARDS_MAX} shards: begin anew`
      throw new SubscriberError(SubscriberErrorCode.eventUncovered, message)
    }
    const { coverMs, signal, url } = this.#options
    const known = this.#known[origin]
    const log = new TrustedLog({
      ...{ origin, coverMs, policy: this.#policyOf(origin) },
      files: new LogFiles(`${url.replace(/\/+$/, '')}/log/${folder}`, signal),
      known: known && { size: known.size, root: Buffer.from(known.root, 'base64') },
    })
    this.#logs.set(origin, log)
    return log
  }

  /** What is to be remembered of all. */
  get state(): SubscriberState['logs'] {
    const seen = [...this.#logs].flatMap(([origin, { head }]) =>
      head ? [[origin, { size: head.size, root: base64(head.root) }] as const] : [],
    )
    return { ...this.#known, ...Object.fromEntries(seen) }
  }

  #folderOf(origin: string): string | undefined {
    if (origin === this.#base.name) return ''
    const shard = /^\/([A-Za-z0-9._-]+)$/.exec(origin.slice(this.#base.name.length))?.[1]
    const isShard = origin.startsWith(`${this.#base.name}/`) && !/^\.+$/.test(shard ?? '.')
    return isShard ? `${shard}/` : undefined
  }

  #policyOf(origin: string): TrustPolicy {
    const { algorithm, publicKey } = this.#base
    const logs = [{ verifier: createVerifier(origin, algorithm, publicKey) }]
    const { witnesses = [], quorum = { threshold: 0, members: [] } } = this.#policy ?? {}
    return { logs, witnesses, quorum }
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
