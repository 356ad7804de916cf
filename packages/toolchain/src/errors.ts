import { VerdictError } from '@verdict/contract'

export const ToolchainErrorCode = {
  /** A `VERDICT_*_BIN` setting names a file that is not the tool at a supported version. */
  settingInvalid: 'setting_invalid',
  /** Go, Python or pip, which the tool is built or installed with, is missing or too old. */
  prerequisiteMissing: 'prerequisite_missing',
  /** Building or installing the tool failed. */
  provideFailed: 'provide_failed',
  /** A lock is held by another process for longer than its waiter has time. */
  lockTimeout: 'lock_timeout',
} as const
export type ToolchainErrorCode = (typeof ToolchainErrorCode)[keyof typeof ToolchainErrorCode]

export class ToolchainError extends VerdictError<ToolchainErrorCode> {
  override readonly name = 'ToolchainError'
}
