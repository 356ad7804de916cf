import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { VerificationKeys } from '@verdict/policy'
import { usage } from '../arguments.ts'
import { defineCommand, ExitCode } from '../command.ts'
import { badFile, readNamedJson, writeNamedFile, writeNewFile } from './files.ts'
import { keyIdOf, signingOptions } from './keys.ts'

const SECRET = 0o600
/** By their names on the command line: how they are made, and what a signature calls them. */
const ALGORITHMS = {
  ed25519: { algorithm: 'EdDSA', make: () => generateKeyPairSync('ed25519') },
  es256: { algorithm: 'ES256', make: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }) },
} as const
const NAMES = Object.keys(ALGORITHMS)

/** An entry of a file of trusted keys. */
interface TrustedKey {
  readonly algorithm: string
  readonly publicKey: string
  readonly scope?: string
}

export const makeKey = defineCommand({
  name: 'policy keygen',
  summary: 'make a key that signs policies',
  description: `
Makes a pair of keys. The private one, in FILE, signs bundles of policies and what is in force:
keep it where you build. The public one is printed, or added to the file of the keys that every
decision point trusts.
`,
  positionals: 'FILE',
  positionalsMax: 1,
  options: {
    algorithm: {
      kind: 'text',
      value: NAMES.join('|'),
      default: 'ed25519',
      help: "the kind of key; OPA's own tools know es256 best",
    },
    trust: { kind: 'text', value: 'KEYS.json', help: 'add the public key to this file' },
    ...signingOptions,
  },
  examples: [
    'verdict policy keygen ops.pem --trust bundle-keys.json',
    'verdict policy keygen ops.pem --algorithm es256 --key-id ops-2026 > ops.json',
  ],
  async run(options, [file], { terminal }) {
    if (file === undefined) throw usage('policy keygen', 'the file for the key is needed')
    if (!isAlgorithm(options.algorithm)) {
      const expected = `expected one of ${NAMES.join(', ')}`
      throw usage('policy keygen', `\`--algorithm ${options.algorithm}\`: ${expected}`)
    }
    const { algorithm, make } = ALGORITHMS[options.algorithm]
    const { publicKey, privateKey } = make()
    const id = options['key-id'] ?? keyIdOf(file)
    const trusted: TrustedKey = {
      algorithm,
      publicKey: pemOf(publicKey),
      ...(options.scope !== undefined && { scope: options.scope }),
    }
    const { trust } = options
    const known = trust === undefined ? {} : await trustedIn(trust, id)
    await mkdir(path.dirname(file), { recursive: true })
    await writeNewFile(file, pemOf(privateKey), SECRET)
    const json = JSON.stringify({ ...known, [id]: trusted }, null, 2)
    if (trust === undefined) {
      terminal.line(json)
      return ExitCode.ok
    }
    await writeNamedFile(trust, Buffer.from(`${json}\n`))
    terminal.line(`private key  ${file}`)
    terminal.line(`trusted key  ${id} in ${trust}`)
    return ExitCode.ok
  },
})

function isAlgorithm(name: string): name is keyof typeof ALGORITHMS {
  return Object.hasOwn(ALGORITHMS, name)
}

/** What the file of trusted keys holds already, which has no other key of this name. */
async function trustedIn(file: string, id: string): Promise<Record<string, unknown>> {
  const json = await readNamedJson(file).catch((error: Error) => {
    if ((error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return {}
    throw error
  })
  VerificationKeys.parse(json, { folder: path.dirname(file) })
  const known = json as Record<string, unknown>
  if (Object.hasOwn(known, id)) throw badFile(file, `has a key \`${id}\` already, name another`)
  return known
}

function pemOf(key: KeyObject): string {
  return key.export({ type: key.type === 'private' ? 'pkcs8' : 'spki', format: 'pem' }).toString()
}
