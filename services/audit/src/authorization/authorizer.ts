import type { DecisionId } from '@verdict/contract'

/** Who wants to do what with the log, as far as its caller says it. */
export interface AccessQuestion {
  readonly method: string
  /** With the query. */
  readonly path: string
  /** Of the peer. */
  readonly address: string
  /** The header. */
  readonly authorization?: string
  /** `x-request-id`, and W3C `traceparent`: the decision belongs to the same trace. */
  readonly requestId?: string
  readonly traceparent?: string
}

/** What was decided. Whatever is not `allowed` is refused. */
export type Access =
  | {
      readonly allowed: true
      /** The id of the decision, which is on the record; absent where nobody was asked. */
      readonly decision?: DecisionId
    }
  | {
      readonly allowed: false
      readonly status: 401 | 403
      readonly reason: string
      readonly decision: DecisionId
      /** The header `www-authenticate`. */
      readonly challenge?: string
    }
  /** There is no decision: nobody may do anything meanwhile. */
  | { readonly allowed: false; readonly status: 503; readonly reason: string }

/** Decides who may do what with the log. It never throws, and is never late. */
export interface Authorizer {
  authorize(question: AccessQuestion): Promise<Access>
}

/** `VERDICT_AUDIT_AUTHORIZATION=off`: whoever reaches the port may do everything. */
export const OPEN: Authorizer = { authorize: async () => ({ allowed: true }) }
