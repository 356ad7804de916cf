import { eraseSubject } from '../audit/erase.ts'
import { exportAudit } from '../audit/export.ts'
import { listHolds, placeHold, releaseHold } from '../audit/holds.ts'
import { makePersonalKeys } from '../audit/personal-keys.ts'
import { queryAudit } from '../audit/query.ts'
import { fetchReceipt } from '../audit/receipt.ts'
import { verifyAudit } from '../audit/verify.ts'
import type { CommandGroup } from '../command.ts'

/** What is done about the log of decisions. */
export const audit: CommandGroup = {
  name: 'audit',
  summary: 'read, prove and verify the log of decisions',
  description: `
Works on the log that the audit service writes. Whoever verifies it needs the log's public key, and
should have got it some other way than from the log: docs/verify.md tells how.
`,
  commands: [
    queryAudit,
    exportAudit,
    fetchReceipt,
    verifyAudit,
    eraseSubject,
    makePersonalKeys,
    placeHold,
    releaseHold,
    listHolds,
  ],
}
