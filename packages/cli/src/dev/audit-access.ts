import path from 'node:path'
import { type Environment, REPOSITORY_ROOT } from '@verdict/toolchain'

/** The policies of the repository, which say who may read the audit log. */
export const SHIPPED_POLICIES: string = path.join(REPOSITORY_ROOT, 'policies')

/**
 * Whether reading the log is authorized where the environment does not say it: by the policies
 * shipped and the users of the demo. Policies that somebody has brought may say nothing of the log;
 * then whoever may use this machine may read it, as it is with all else here.
 */
export function auditAuthorization({
  env,
  policiesDir,
  users,
}: {
  readonly env: Environment
  readonly policiesDir: string
  /** The demo's users have tokens. */
  readonly users: boolean
}): string {
  const isShipped = policiesDir === SHIPPED_POLICIES && env['VERDICT_AUTHZ_BUNDLES'] === undefined
  return env['VERDICT_AUDIT_AUTHORIZATION'] ?? (users && isShipped ? 'policy' : 'off')
}
