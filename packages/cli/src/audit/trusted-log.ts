import {
  createVerifier,
  isKeyName,
  parseNote,
  parseTrustPolicy,
  parseVerifierKey,
  type TrustPolicy,
} from '@verdict/tlog'
import { usage } from '../arguments.ts'
import { badFile, readNamedFile } from '../policy/files.ts'

/** The options that say whom a verification believes. */
export const trustOptions = {
  key: { kind: 'text', value: 'VKEY|FILE', help: "the log's public key, or a file that holds it" },
  policy: {
    kind: 'text',
    value: 'FILE',
    help: 'a tlog-policy: keys of logs, witnesses, how many of them have to have signed',
  },
} as const

/** A key in the form of signed notes, as against the name of a file. */
const VKEY = /^[^+\s]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+$/

/**
 * Whom to believe: the key alone, or the policy, to whose logs the key is added.
 * @throws {CliError} `usage`, `bad_file`; {TlogError} for what is no key or no policy
 */
export async function trustOf(
  command: string,
  { key, policy }: { key: string | undefined; policy: string | undefined },
): Promise<TrustPolicy> {
  if (key === undefined && policy === undefined) {
    throw usage(command, '`--key` of the log is needed, or a `--policy` that has it')
  }
  const given =
    policy === undefined
      ? parseTrustPolicy('quorum none\n')
      : parseTrustPolicy(String(await readNamedFile(policy)))
  if (key === undefined) return given
  const verifier = parseVerifierKey(VKEY.test(key) ? key : await keyIn(key))
  const others = given.logs.filter((log) => log.verifier.keyId !== verifier.keyId)
  return { ...given, logs: [...others, { verifier }] }
}

/**
 * The same trust, and the key of a shard of a log that is trusted: its name is that of the log,
 * a slash and its own, and it has the log's key.
 */
export function trustOfOrigin(trust: TrustPolicy, origin: string): TrustPolicy {
  if (trust.logs.some(({ verifier }) => verifier.name === origin)) return trust
  const shards = trust.logs
    .filter(({ verifier }) => isShardOf(origin, verifier.name))
    .map(({ verifier }) => ({
      verifier: createVerifier(origin, verifier.algorithm, verifier.publicKey),
    }))
  return shards.length === 0 ? trust : { ...trust, logs: [...trust.logs, ...shards] }
}

/** Of which log a signed checkpoint says to be; nothing is verified by that. */
export function originIn(checkpoint: string): string {
  return parseNote(checkpoint).text.split('\n', 1)[0] ?? ''
}

function isShardOf(origin: string, log: string): boolean {
  const isBelow = origin.startsWith(`${log}/`) && !origin.slice(log.length + 1).includes('/')
  return isBelow && isKeyName(origin)
}

async function keyIn(file: string): Promise<string> {
  const lines = String(await readNamedFile(file)).split('\n')
  const [key, another] = lines.map((line) => line.trim()).filter((line) => VKEY.test(line))
  if (key !== undefined && another === undefined) return key
  throw badFile(file, 'does not hold one public key of a log')
}
