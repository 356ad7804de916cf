import { randomBytes } from 'node:crypto'
import { readFile, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { genesisHash } from '@verdict/contract'
import { writeDurably } from './durable-files.ts'
import { corrupt, JournalError, JournalErrorCode } from './errors.ts'
import { KEY_FILE } from './seal-key.ts'
import { createSegment, listSegments } from './segment.ts'

const IDENTITY_FILE = 'journal.json'
const INSTANCE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** Whose records a directory holds. It is written once, and lives as long as the directory. */
export interface JournalIdentity {
  readonly instance: string
  readonly epoch: number
}

/**
 * The identity of a directory, which is made with its first segment where it is new.
 * @throws {JournalError} `wrong_instance` | `corrupt`
 */
export async function identify(dir: string, instanceName?: string): Promise<JournalIdentity> {
  const known = await readIdentity(dir)
  if (!known) return await begin(dir, newIdentity(instanceName))
  if (instanceName === undefined || instanceName === known.instance) return known
  throw new JournalError(
    JournalErrorCode.wrongInstance,
    `journal \`${dir}\` belongs to instance \`${known.instance}\`, not \`${instanceName}\`: give ` +
      'each instance its own directory',
  )
}

async function readIdentity(dir: string): Promise<JournalIdentity | undefined> {
  let text: string
  try {
    text = await readFile(path.join(dir, IDENTITY_FILE), 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  try {
    const { instance, epoch } = JSON.parse(text) as JournalIdentity
    if (INSTANCE_NAME.test(instance) && Number.isSafeInteger(epoch)) return { instance, epoch }
  } catch (cause) {
    throw corrupt(dir, `\`${IDENTITY_FILE}\` is not JSON`, cause)
  }
  throw corrupt(dir, `\`${IDENTITY_FILE}\` names no instance and epoch`)
}

function newIdentity(instance = `authz-${randomBytes(4).toString('hex')}`): JournalIdentity {
  if (!INSTANCE_NAME.test(instance)) {
    throw new JournalError(
      JournalErrorCode.wrongInstance,
      `instance name \`${instance}\` is malformed: use 1 to 64 of A–Z a–z 0–9 . _ - and begin ` +
        'with a letter or digit',
    )
  }
  return { instance, epoch: Date.now() }
}

/** The identity is written last: where there is one and no segment, segments were lost. */
async function begin(dir: string, identity: JournalIdentity): Promise<JournalIdentity> {
  for (const segment of await listSegments(dir)) {
    // An empty one is left of a start that was cut short.
    const { size } = await stat(segment.path)
    if (size > 0) throw corrupt(dir, `\`${IDENTITY_FILE}\` is missing`)
    await rm(segment.path)
  }
  await rm(path.join(dir, KEY_FILE), { force: true })
  await createSegment(dir, 1, genesisHash(identity.instance, identity.epoch))
  await writeDurably(path.join(dir, IDENTITY_FILE), `${JSON.stringify(identity)}\n`)
  return identity
}
