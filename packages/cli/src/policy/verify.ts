import { VerdictError } from '@verdict/contract'
import { type SignedBundle, verifyBundle } from '@verdict/policy'
import { usage } from '../arguments.ts'
import { type CommandContext, defineCommand, ExitCode } from '../command.ts'
import { readNamedFile } from './files.ts'
import { trustedKeysOf } from './keys.ts'
import { shownRows } from './shown.ts'

export const verifyPolicy = defineCommand({
  name: 'policy verify',
  summary: 'say whether a bundle would be taken',
  description: `
Verifies a bundle as every decision point does before it runs it: a trusted key signed it, no file
of it is changed, added or missing, and it keeps to its roots. Ends with 1 where it is refused.
`,
  positionals: 'BUNDLE',
  positionalsMax: 1,
  options: {
    keys: { kind: 'text', value: 'KEYS.json', help: 'the trusted keys' },
    json: { kind: 'flag', help: 'print JSON' },
  },
  examples: ['verdict policy verify bundle.tar.gz --keys bundle-keys.json'],
  async run({ keys, json }, [file], context) {
    if (file === undefined) throw usage('policy verify', 'the bundle is needed')
    if (keys === undefined) throw usage('policy verify', '`--keys` is needed')
    const trusted = await trustedKeysOf(keys)
    const archive = await readNamedFile(file)
    try {
      print(file, archive.byteLength, await verifyBundle(archive, trusted), json, context)
      return ExitCode.ok
    } catch (error) {
      if (!(json && error instanceof VerdictError)) throw error
      const { code, message } = error
      context.terminal.line(JSON.stringify({ file, error: { code, message } }))
      return ExitCode.failed
    }
  },
})

function print(
  file: string,
  size: number,
  { digest, revision, serial, roots, entrypoints, keyId }: SignedBundle,
  json: boolean,
  { terminal }: CommandContext,
): void {
  const facts = { file, size, digest, revision, serial, entrypoints, roots, signedBy: keyId }
  if (json) terminal.line(JSON.stringify(facts))
  else for (const row of shownRows(facts)) terminal.line(row)
}
