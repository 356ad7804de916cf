import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import {
  encodePersonalKeyFile,
  encodePersonalKeys,
  isPersonalKeyFile,
  newSealingKeys,
  type PersonalKeyFile,
  parsePersonalKeyFile,
} from '@verdict/contract'
import { usage } from '../arguments.ts'
import { defineCommand, ExitCode } from '../command.ts'
import { badFile, readNamedFile } from '../policy/files.ts'
import { makeFolder, writeWhole } from '../witness/durable-files.ts'

const NAME = 'audit personal-keys'
const PSEUDONYM_KEY_BYTES = 32

type SealingFile = Extract<PersonalKeyFile, { kind: 'sealing' }>
type PseudonymFile = Extract<PersonalKeyFile, { kind: 'pseudonym' }>

export const makePersonalKeys = defineCommand({
  name: NAME,
  summary: 'make or rotate the keys that keep personal fields readable for audit alone',
  description: `
Makes the keys for personal fields: the secret ones in the key store of the audit service, and in
FILE what decision points need, for VERDICT_AUTHZ_PERSONAL_KEYS. It holds the key of the pseudonyms:
keep it as a secret, too. Where the key store has keys, FILE gets those in force.

With \`--rotate\` new ones are made. Give decision points the new FILE within three days: then the
audit service destroys the private key that they sealed to before, and what is still sealed to it
can be read by nobody. docs/erasure.md tells the rest.
`,
  positionals: '',
  positionalsMax: 0,
  options: {
    'key-store': {
      kind: 'text',
      value: 'DIR',
      default: '.verdict/audit/keys',
      help: 'as VERDICT_AUDIT_KEY_STORE of audit',
    },
    out: { kind: 'text', value: 'FILE', short: 'o', help: 'the file for the decision points' },
    rotate: { kind: 'flag', help: 'make new keys; those before them go after three days' },
  },
  examples: [
    'verdict audit personal-keys --out personal-keys.json',
    'verdict audit personal-keys --key-store /keys --out personal-keys.json --rotate',
  ],
  async run(options, _positionals, { terminal }) {
    const { out, rotate } = options
    if (out === undefined) throw usage(NAME, '`--out` is needed')
    const dir = path.resolve(options['key-store'])
    makeFolder(dir)
    const files = await Promise.all(
      readdirSync(dir)
        .filter(isPersonalKeyFile)
        .map(async (name) =>
          parsed(path.join(dir, name), await readNamedFile(path.join(dir, name))),
        ),
    )
    const sealing = newest(files.filter((file): file is SealingFile => file.kind === 'sealing'))
    const named = newest(files.filter((file): file is PseudonymFile => file.kind === 'pseudonym'))
    const fromMs = Date.now()
    const seals = rotate || sealing === undefined ? newSealing(fromMs) : sealing
    const names = rotate || named === undefined ? newPseudonyms(fromMs) : named
    for (const file of [seals, names]) {
      if (files.includes(file)) continue
      const { name, text } = encodePersonalKeyFile(file)
      writeWhole(path.join(dir, name), text)
      terminal.line(path.join(dir, name))
    }
    const { pseudonym } = names
    makeFolder(path.dirname(path.resolve(out)))
    writeWhole(out, encodePersonalKeys({ pseudonym, sealingKey: seals.pair.publicKey }))
    terminal.line(out)
    return ExitCode.ok
  },
})

function parsed(file: string, bytes: Buffer): PersonalKeyFile {
  try {
    return parsePersonalKeyFile(path.basename(file), bytes.toString('utf8'))
  } catch (cause) {
    throw badFile(file, 'holds no key for personal fields', cause)
  }
}

function newest<File extends PersonalKeyFile>(files: readonly File[]): File | undefined {
  return files.toSorted((a, b) => a.fromMs - b.fromMs).at(-1)
}

function newSealing(fromMs: number): SealingFile {
  return { kind: 'sealing', fromMs, pair: newSealingKeys() }
}

/** A period is called by the time at which it begins. */
function newPseudonyms(fromMs: number): PseudonymFile {
  const period = new Date(fromMs).toISOString().replace(/[:.]/g, '')
  const pseudonym = { period, key: randomBytes(PSEUDONYM_KEY_BYTES) }
  return { kind: 'pseudonym', fromMs, pseudonym }
}
