import { createPublicKey } from 'node:crypto'
import {
  type NatsConnection,
  putBundle,
  putPointer,
  readPointer,
  type StoredPointer,
} from '@verdict/bus'
import { messageOf } from '@verdict/contract'
import {
  type BundleKey,
  type BundlePointer,
  refuseOlder,
  type SignedBundle,
  signPointer,
  VerificationKeys,
  verifyBundle,
  verifyPointer,
} from '@verdict/policy'
import { usage } from '../arguments.ts'
import { type CommandContext, defineCommand, ExitCode, type OptionValues } from '../command.ts'
import { busOptions, withBus } from './bus.ts'
import { readNamedFile } from './files.ts'
import { HEARD_ALL_MS } from './fleet.ts'
import { signingKeyOf, signingOptions, trustedKeysOf } from './keys.ts'
import { waitForFleet } from './rollout.ts'

/** Less would end before everybody was heard. */
const WAIT_S_MIN = Math.ceil(HEARD_ALL_MS / 1_000) + 1
const WAIT_S_MAX = 3_600

const options = {
  name: { kind: 'text', value: 'NAME', help: 'under which name it comes into force' },
  sign: { kind: 'text', value: 'KEY.pem', help: 'sign what is in force with this private key' },
  ...signingOptions,
  keys: {
    kind: 'text',
    value: 'KEYS.json',
    help: 'the trusted keys (default: the public half of KEY.pem alone)',
  },
  rollback: { kind: 'flag', help: 'allow a bundle that is older than one that was in force' },
  wait: {
    kind: 'integer',
    value: 'SECONDS',
    min: WAIT_S_MIN,
    max: WAIT_S_MAX,
    help: 'wait until every decision point that follows NAME runs it',
  },
  ...busOptions,
} as const
type Values = OptionValues<typeof options>

export const pushPolicy = defineCommand({
  name: 'policy push',
  summary: 'put a signed bundle in force',
  description: `
Verifies a signed bundle as every decision point will, stores it on NATS, and signs and sets the
pointer that puts it in force under NAME. The key needs to be one that the decision points trust.
`,
  positionals: 'BUNDLE',
  positionalsMax: 1,
  options,
  examples: [
    'verdict policy push bundle.tar.gz --name shop --sign ops.pem --wait 30',
    'verdict policy push last-week.tar.gz --name shop --sign ops.pem --rollback',
  ],
  async run(values, [file], context) {
    const { name, sign } = values
    if (file === undefined) throw usage('policy push', 'the bundle is needed')
    if (name === undefined) throw usage('policy push', '`--name` is needed')
    if (sign === undefined) throw usage('policy push', '`--sign` is needed')
    const key = await signingKeyOf(sign, values)
    const trusted = values.keys === undefined ? ownKey(key) : await trustedKeysOf(values.keys)
    const archive = await readNamedFile(file)
    const bundle = await verifyBundle(archive, trusted)
    const pointer = await withBus({ values, env: context.env }, 'policy-publisher', (nc) =>
      publish({ nc, name, archive, bundle, key, trusted, values, context }),
    )
    if (values.wait === undefined) return ExitCode.ok
    await withBus({ values, env: context.env }, 'operator', (nc) =>
      waitForFleet(nc, pointer, { timeoutMs: Number(values.wait) * 1_000, context }),
    )
    return ExitCode.ok
  },
})

interface Publication {
  readonly nc: NatsConnection
  readonly name: string
  readonly archive: Uint8Array
  readonly bundle: SignedBundle
  readonly key: BundleKey
  readonly trusted: VerificationKeys
  readonly values: Values
  readonly context: CommandContext
}

/** The archive first, so that what is in force is always there to be read. */
async function publish(publication: Publication): Promise<BundlePointer> {
  const { nc, name, archive, bundle, key, trusted, values, context } = publication
  const { digest, revision, serial } = bundle
  const step = context.terminal.step(`pushing ${name}`)
  try {
    const replaces = await readPointer(nc, name)
    const last = await lastPointer(replaces, trusted, context)
    const rollback = values.rollback ? { rollback: true as const } : {}
    refuseOlder({ serial, ...rollback }, last)
    const version = Math.max(Date.now(), (last?.version ?? 0) + 1)
    const size = archive.byteLength
    const pointer = { name, revision, serial, digest, size, version, ...rollback }
    const jws = await signPointer(pointer, key)
    // A pointer that the decision points would refuse is not put in force.
    await verifyPointer(jws, trusted)
    await putBundle(nc, archive, digest, (stored) => {
      step.update(`${stored} of ${size} bytes`)
    })
    await putPointer(nc, name, { jws, replaces })
    // Somebody may have pruned it in between, while it was not in force.
    await putBundle(nc, archive, digest)
    step.done(`revision ${revision}, serial ${serial}, version ${version}`)
    return pointer
  } catch (error) {
    step.failed()
    throw error
  }
}

/** One that no trusted key has signed is no reason to number on from it. */
async function lastPointer(
  stored: StoredPointer | undefined,
  trusted: VerificationKeys,
  { terminal }: CommandContext,
): Promise<BundlePointer | undefined> {
  if (stored === undefined) return undefined
  try {
    return await verifyPointer(stored.jws, trusted)
  } catch (error) {
    terminal.error(`the pointer that was in force is not trusted here: ${messageOf(error)}`)
    return undefined
  }
}

function ownKey(key: BundleKey): VerificationKeys {
  return new VerificationKeys([{ ...key, key: createPublicKey(key.key) }])
}
