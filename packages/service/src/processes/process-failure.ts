import { ServiceError, ServiceErrorCode } from '../errors.ts'
import { ExitCode } from '../life.ts'
import type { WorkerPlace } from './supervisor-link.ts'

/** One of the processes of a service ended as it should not; its own log says why. */
export class ProcessFailure extends ServiceError {
  /** The exit code for the service. */
  readonly exitCode: number

  constructor(
    { index, count }: WorkerPlace,
    what: string,
    { how, code }: { readonly how: string; readonly code: number | undefined },
  ) {
    const message = `process ${index} of ${count} ${what} (${how}): see its own lines above`
    super(ServiceErrorCode.processFailed, message)
    this.exitCode = code || ExitCode.fault
  }
}
