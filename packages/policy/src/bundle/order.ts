import { PolicyError, PolicyErrorCode } from '../errors.ts'

/** What is offered: a pointer, or a bundle that came without one. */
export interface Offered {
  readonly serial: number
  /** Of a pointer. */
  readonly version?: number
  readonly rollback?: true
}

/** What was in force under the name: the highest that ever was. */
export interface Known {
  readonly serial: number
  /** Of the pointer, where it came by one. */
  readonly version?: number
}

/**
 * Bundles and pointers only go forward; the same again is no step back.
 * @throws {PolicyError} `pointer_older`, `bundle_older`
 */
export function refuseOlder(offered: Offered, known: Known | undefined): void {
  if (known === undefined) return
  const { version } = offered
  if (version !== undefined && known.version !== undefined && version < known.version) {
    throw new PolicyError(
      PolicyErrorCode.pointerOlder,
      `the pointer has version ${version}, and version ${known.version} was in force: ` +
        'publish a newer one, with `rollback` to go back to an older bundle',
    )
  }
  if (offered.serial >= known.serial || offered.rollback === true) return
  throw new PolicyError(
    PolicyErrorCode.bundleOlder,
    `the bundle has serial ${offered.serial}, and serial ${known.serial} was in force: ` +
      'build it again, or publish a pointer with `rollback` to go back to it',
  )
}
