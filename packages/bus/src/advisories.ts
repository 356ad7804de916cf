import { ADVISORIES, DECISIONS } from '@verdict/contract'
import type { NatsConnection } from 'nats'
import { BusError, BusErrorCode } from './errors.ts'

/** A text of an advisory is cut here, such as the settings that somebody asked for. */
const TEXT_CHARS_MAX = 4_096

/** What a server says was done to the stream or its consumers, or was asked for. */
export interface Advisory {
  /** The server's name of the kind, such as `io.nats.jetstream.advisory.v1.api_audit`. */
  readonly type: string
  readonly id?: string
  /** RFC 3339, by the server's clock. */
  readonly at?: string
  readonly stream: string
  readonly consumer?: string
  /** Of the stream or consumer: `create`, `modify`, `delete`. */
  readonly action?: string
  /** What was asked for, with which settings, and how it was refused, where it was. */
  readonly question?: string
  readonly request?: string
  readonly refusal?: string
  /** Who asked: the public key, the name of the connection, its host. */
  readonly by?: Readonly<Partial<Record<'user' | 'name' | 'host' | 'account', string>>>
}

export interface AdvisoryWatch {
  stop(): void
}

/** Questions that change nothing, which are asked all the time. */
const LOOKING =
  /^\$JS\.API\.(?:INFO|DIRECT|(?:STREAM|CONSUMER)\.(?:INFO|NAMES|LIST|MSG\.(?:GET|NEXT)))/
/** What the server tells of consumers besides, which comes with every message that is not taken. */
const PASSING = /\.(?:nak|terminated|max_deliver|consumer_group_pinned|consumer_group_unpinned)$/

/**
 * Follows what the servers say about the stream DECISIONS. Nothing of it is kept for those who do
 * not listen. Needs the role `audit`.
 */
export function watchAdvisories(
  nc: NatsConnection,
  handler: (advisory: Advisory) => void,
  onError: (error: BusError) => void,
): AdvisoryWatch {
  const subscriptions = ADVISORIES.map((subject) =>
    nc.subscribe(subject, {
      callback: (error, message) => {
        if (error) onError(unheard(subject, error))
        else {
          const advisory = readAdvisory(message.data)
          if (advisory !== undefined) handler(advisory)
        }
      },
    }),
  )
  return {
    stop() {
      for (const subscription of subscriptions) subscription.unsubscribe()
    },
  }
}

/** Undefined for what is no advisory, or is of no consequence for the stream. */
export function readAdvisory(data: Uint8Array): Advisory | undefined {
  let body: Readonly<Record<string, unknown>>
  try {
    body = { ...JSON.parse(new TextDecoder().decode(data)) }
  } catch {
    // No server of ours says this.
    return undefined
  }
  const type = textOf(body['type'])
  const question = textOf(body['subject'])
  if (type === undefined || PASSING.test(type)) return undefined
  const isApi = type.endsWith('.api_audit')
  if (isApi && (question === undefined || !isChange(question))) return undefined
  return compact({
    type,
    id: textOf(body['id']),
    at: textOf(body['timestamp']),
    stream: textOf(body['stream']) ?? DECISIONS.name,
    consumer: textOf(body['consumer']),
    action: textOf(body['action']),
    ...(isApi && { question, request: textOf(body['request']) }),
    refusal: isApi ? refusalOf(body['response']) : undefined,
    by: clientOf(body['client']),
  })
}

function isChange(question: string): boolean {
  return question.split('.').includes(DECISIONS.name) && !LOOKING.test(question)
}

/** The answer tells an error only; the rest of it are settings that follow from the question. */
function refusalOf(response: unknown): string | undefined {
  try {
    const { error } = { ...JSON.parse(String(response)) }
    return error === undefined ? undefined : textOf(JSON.stringify(error))
  } catch {
    return undefined
  }
}

function clientOf(client: unknown): Advisory['by'] | undefined {
  if (typeof client !== 'object' || client === null) return undefined
  const { acc, host, name, nkey, user } = client as Record<string, unknown>
  const by = { user: textOf(nkey) ?? textOf(user), name: textOf(name), host: textOf(host) }
  return compact({ ...by, account: textOf(acc) })
}

function textOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined
  return value.slice(0, TEXT_CHARS_MAX).toWellFormed()
}

type Defined<T> = { readonly [K in keyof T]: Exclude<T[K], undefined> }

function compact<T extends object>(values: T): Defined<T> {
  const given = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as Defined<T>
}

function unheard(subject: string, cause: Error): BusError {
  const message = `advisories on \`${subject}\` can't be heard: ${cause.message}`
  return new BusError(BusErrorCode.forbidden, message, { cause })
}
