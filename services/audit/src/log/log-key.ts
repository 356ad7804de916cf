import { randomBytes } from 'node:crypto'
import {
  createVerifier,
  generateSignerKey,
  isKeyName,
  KeyAlgorithm,
  type NoteSigner,
  parseSignerKey,
} from '@verdict/tlog'
import { AuditError, AuditErrorCode } from '../errors.ts'
import { type LogFs, writeWhole } from './log-fs.ts'

const KEY_FILE = 'log.key'
const ORIGIN_RANDOM_BYTES = 8

/**
 * The key that signs the checkpoints, made at the first start. Its name is the log's origin: the
 * one that was asked for, or one of its own that no other log has.
 * @throws {AuditError} `log_key_missing`, `log_key_wrong`, `origin_wrong`
 */
export function openLogKey(
  fs: LogFs,
  { origin, isNew }: { origin: string | undefined; isNew: boolean },
): NoteSigner {
  if (origin !== undefined && !isKeyName(origin)) {
    const form = 'expected a name without spaces and `+`, such as `logs.example/audit`'
    throw new AuditError(AuditErrorCode.originWrong, `\`${origin}\` can't be an origin: ${form}`)
  }
  const kept = fs.read(KEY_FILE)
  if (kept === undefined) return createKey(fs, origin, isNew)
  const signer = readKey(Buffer.from(kept).toString('utf8').trim())
  const { name } = signer.verifier
  if (origin === undefined || origin === name) return signer
  throw new AuditError(
    AuditErrorCode.originWrong,
    `the log is \`${name}\` for ever, not \`${origin}\`: correct VERDICT_AUDIT_ORIGIN, or begin ` +
      'another log in another VERDICT_AUDIT_DATA_DIR',
  )
}

/**
 * The same key under the name of a shard. What it signs doesn't depend on its name, so whoever has
 * the log's verifier key has that of each shard.
 */
export function signerOf(key: NoteSigner, origin: string): NoteSigner {
  const { algorithm, name, publicKey } = key.verifier
  if (origin === name) return key
  const verifier = createVerifier(origin, algorithm, publicKey)
  return { verifier, sign: (text) => key.sign(text) }
}

function createKey(fs: LogFs, origin: string | undefined, isNew: boolean): NoteSigner {
  if (!isNew) {
    const why = 'nobody else can sign for this log: restore the file from where you keep secrets'
    throw new AuditError(AuditErrorCode.logKeyMissing, `\`${KEY_FILE}\` is missing: ${why}`)
  }
  const name = origin ?? `verdict-audit-${randomBytes(ORIGIN_RANDOM_BYTES).toString('hex')}`
  const key = generateSignerKey(name, KeyAlgorithm.ed25519)
  writeWhole(fs, KEY_FILE, Buffer.from(`${key}\n`))
  return parseSignerKey(key)
}

function readKey(text: string): NoteSigner {
  try {
    const signer = parseSignerKey(text)
    if (signer.verifier.algorithm === KeyAlgorithm.ed25519) return signer
  } catch (cause) {
    // The cause never says what the key is.
    throw new AuditError(AuditErrorCode.logKeyWrong, `\`${KEY_FILE}\` holds no key of a log`, {
      cause,
    })
  }
  const message = `\`${KEY_FILE}\` holds the key of a witness: expected one of Ed25519 for a log`
  throw new AuditError(AuditErrorCode.logKeyWrong, message)
}
