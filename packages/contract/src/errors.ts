/**
 * The base of every error that Verdict throws. `code` is stable, in snake case, and listed in
 * docs/errors.md; it is also the value of metric labels.
 */
export abstract class VerdictError<Code extends string = string> extends Error {
  abstract override readonly name: string
  readonly code: Code

  constructor(code: Code, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

export const ContractErrorCode = {
  /** Bytes that claim to be a journal batch are not one. */
  malformedBatch: 'malformed_batch',
  /** A file that claims to hold the keys for personal fields does not. */
  malformedPersonalKeys: 'malformed_personal_keys',
} as const
export type ContractErrorCode = (typeof ContractErrorCode)[keyof typeof ContractErrorCode]

export class ContractError extends VerdictError<ContractErrorCode> {
  override readonly name = 'ContractError'
}

/** The message of anything that was thrown, for a log line or an error that wraps it. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
