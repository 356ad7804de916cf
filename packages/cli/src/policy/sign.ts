import { signBundle } from '@verdict/policy'
import { usage } from '../arguments.ts'
import { defineCommand, ExitCode } from '../command.ts'
import { printable } from '../terminal.ts'
import { readNamedFile, writeNamedFile } from './files.ts'
import { signingKeyOf, signingOptions } from './keys.ts'

export const signPolicy = defineCommand({
  name: 'policy sign',
  summary: 'sign a bundle',
  description: `
Signs each file of a bundle, as OPA has it (\`.signatures.json\`), in place of any signature that
is there. \`verdict policy keygen\` makes keys; \`verdict policy build --sign\` does both at once.
`,
  positionals: 'BUNDLE',
  positionalsMax: 1,
  options: {
    key: { kind: 'text', value: 'KEY.pem', help: 'the private key (PKCS #8, Ed25519 or P-256)' },
    ...signingOptions,
    output: { kind: 'text', value: 'FILE', help: 'write it there (default: in place)' },
  },
  examples: [
    'verdict policy sign bundle.tar.gz --key ops.pem',
    'verdict policy sign bundle.tar.gz --key ops.pem --key-id ops-2026 --output signed.tar.gz',
  ],
  async run({ key: keyFile, output, ...about }, [file], { terminal }) {
    if (file === undefined) throw usage('policy sign', 'the bundle is needed')
    if (keyFile === undefined) throw usage('policy sign', '`--key` is needed')
    const key = await signingKeyOf(keyFile, about)
    const signed = await signBundle(await readNamedFile(file), key)
    await writeNamedFile(output ?? file, signed)
    terminal.line(`${output ?? file} is signed by the key \`${printable(key.id)}\``)
    return ExitCode.ok
  },
})
