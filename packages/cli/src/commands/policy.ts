import type { CommandGroup } from '../command.ts'
import { buildPolicy } from '../policy/build.ts'
import { policyData } from '../policy/data.ts'
import { diffPolicies } from '../policy/diff.ts'
import { makeKey } from '../policy/keygen.ts'
import { prunePolicies } from '../policy/prune.ts'
import { pushPolicy } from '../policy/push.ts'
import { signPolicy } from '../policy/sign.ts'
import { policyStatus } from '../policy/status.ts'
import { verifyPolicy } from '../policy/verify.ts'

/** What is done about policies before, and while, they are in force. */
export const policy: CommandGroup = {
  name: 'policy',
  summary: 'build, sign, verify and push the policies that decide',
  description: `
Makes a bundle of a folder of policies: one file in OPA's format, compiled, which is signed and
handed out to every decision point. It is taken only where a trusted key has signed it.
`,
  commands: [
    buildPolicy,
    makeKey,
    signPolicy,
    verifyPolicy,
    diffPolicies,
    pushPolicy,
    policyStatus,
    policyData,
    prunePolicies,
  ],
}
