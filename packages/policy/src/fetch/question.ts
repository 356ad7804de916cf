import type { PolicyError } from '../errors.ts'
import type { Value } from '../value/value.ts'
import type { HttpRequest } from './request.ts'

/** What a policy asks of others, while it is evaluated. */
export type Question = HttpQuestion | LookupQuestion

interface Asked {
  /** The same for the same question: within an evaluation it is asked once. */
  readonly key: string
  /** Whether to ask changes nothing, so that it may be asked before it is certain to be needed. */
  readonly isSafe: boolean
}

export interface HttpQuestion extends Asked {
  readonly kind: 'http'
  readonly request: HttpRequest
  /** Absent where answers are not kept for other evaluations. */
  readonly caching?: Caching
}

export interface Caching {
  /** How long an answer is fresh; absent where its headers say so. */
  readonly forcedSeconds?: number
}

export interface LookupQuestion extends Asked {
  readonly kind: 'lookup'
  readonly hostname: string
}

/** How OPA tells apart why `http.send` has no response. */
export const FailureCode = {
  internal: 'eval_http_send_internal_error',
  network: 'eval_http_send_network_error',
} as const
export type FailureCode = (typeof FailureCode)[keyof typeof FailureCode]

/** There is no response: the expression is undefined, or the policy gets to know why. */
export class FetchFailure extends Error {
  override readonly name = 'FetchFailure'
  readonly code: FailureCode

  constructor(code: FailureCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** What a policy gets to know: the answer and its size, or that there is none. */
export type Reply =
  | { readonly value: Value; readonly bytes: number }
  | { readonly failure: FetchFailure }

/** What came of a question: a fault ends the evaluation that needs the answer. */
export type Answer = Reply | { readonly fault: PolicyError }
