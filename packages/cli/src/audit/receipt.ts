import { isDecisionId } from '@verdict/contract'
import { usage } from '../arguments.ts'
import { defineCommand, ExitCode } from '../command.ts'
import { CliError, CliErrorCode } from '../errors.ts'
import { writeNamedFile } from '../policy/files.ts'
import { printable } from '../terminal.ts'
import { auditApiOf, auditApiOptions, readFromAudit } from './audit-api.ts'
import { exitCodeOf } from './exit-code.ts'

/** A longer answer is no receipt: leaf, path and a checkpoint with all its witnesses. */
export const RECEIPT_BYTES_MAX = 512 * 1024

export const fetchReceipt = defineCommand({
  name: 'audit receipt',
  summary: 'fetch what proves that a decision is in the log',
  description: `
Fetches the receipt of a decision: a tlog-proof file (c2sp.org/tlog-proof) with the record, its path
to the root of the log and a signed checkpoint. It verifies offline, for as long as anybody has the
log's public key: by \`verdict audit verify\`, or by other people's programs. A decision that was
taken just now is waited for. Ends with 1 where the log has no such decision, 3 where audit can't be
asked.
`,
  positionals: 'DECISION-ID',
  positionalsMax: 1,
  options: {
    out: { kind: 'text', value: 'FILE', short: 'o', help: 'where to (default: to the output)' },
    ...auditApiOptions,
  },
  examples: [
    'verdict audit receipt 019a9b3c-5b7e-7cc3-98c4-dc0c0c07398f --out receipt.txt',
    'verdict audit verify receipt.txt --key log.pub',
  ],
  async run(values, [id], { terminal, env, stop }) {
    if (id === undefined) throw usage('audit receipt', 'the id of a decision is needed')
    if (!isDecisionId(id)) {
      throw usage('audit receipt', `\`${printable(id)}\` is no id of a decision`)
    }
    const api = await auditApiOf('audit receipt', values, env)
    try {
      const request = { bytesMax: RECEIPT_BYTES_MAX, signal: stop }
      const receipt = await readFromAudit(api, `/v1/decisions/${id}/receipt`, request)
      if (receipt === undefined) {
        const message = `the log has no decision \`${id}\``
        throw new CliError(CliErrorCode.decisionNotFound, message)
      }
      if (values.out === undefined) {
        await terminal.flow(receipt.toString('utf8').trimEnd(), stop)
        return ExitCode.ok
      }
      await writeNamedFile(values.out, receipt)
      terminal.line(`${values.out}  ${receipt.length.toLocaleString('en')} bytes`)
      return ExitCode.ok
    } catch (error) {
      return exitCodeOf(error, terminal)
    }
  },
})
