import type { Outcome } from './decision-record.ts'

/** A question over NATS, for callers that are no gateway. */
export interface CheckQuery {
  readonly method: string
  /** With the query, as on the request line. */
  readonly path: string
  readonly host?: string
  readonly scheme?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly source?: { readonly address?: string; readonly principal?: string }
  readonly destination?: {
    readonly namespace?: string
    readonly principal?: string
    readonly service?: string
  }
  /** How long the caller waits, from when the question arrives; later there is no decision. */
  readonly timeoutMs?: number
}

/** The answer: a decision, or a fault. A fault is never a decision. */
export type CheckAnswer =
  | {
      readonly id: string
      /** The record has a denial: the caller is let through because denials are on trial. */
      readonly enforced?: false
      readonly outcome: Exclude<Outcome, 'error'>
      readonly reason: string
      readonly status: number
      readonly headers: Readonly<Record<string, string>>
      readonly body?: string
    }
  | { readonly error: { readonly code: string; readonly message: string } }
