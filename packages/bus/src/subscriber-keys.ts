import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { isSubscriberName } from '@verdict/contract'
import { BusError, BusErrorCode } from './errors.ts'
import { createKey, readKey } from './keys.ts'
import type { SubscriberKey } from './server-accounts.ts'

/** Accounts of one server; each costs it memory. One more is refused. */
export const SUBSCRIBERS_MAX = 256

/** A subscriber with a key of its own, and what it is given. */
export interface Subscriber extends SubscriberKey {
  /** Subjects of what it is told; empty where it is told everything. */
  readonly filters: readonly string[]
}

/** The file that holds the seed of a subscriber: it is given to whoever subscribes. */
export function subscriberSeedFile(keysDir: string, name: string): string {
  return path.join(folder(keysDir), `${name}.nk`)
}

/**
 * Makes the key of a subscriber and writes down that it is one. One that exists stays as it is.
 * @throws {BusError} `subscriber_refused`, `bad_key`
 */
export async function createSubscriber(
  keysDir: string,
  { name, filters }: Pick<Subscriber, 'name' | 'filters'>,
): Promise<Subscriber> {
  const known = await readSubscribers(keysDir)
  const there = known.find((subscriber) => subscriber.name === name)
  if (there) {
    if (JSON.stringify(there.filters) === JSON.stringify(filters)) return there
    throw refused(`\`${name}\` is there with other filters: remove it first`)
  }
  if (!isSubscriberName(name)) {
    throw refused(`\`${name}\` is no name: use up to 32 lower-case letters, digits and hyphens`)
  }
  if (known.length >= SUBSCRIBERS_MAX) throw refused(`there are ${SUBSCRIBERS_MAX} of them`)
  await mkdir(folder(keysDir), { recursive: true, mode: 0o700 })
  const seed = subscriberSeedFile(keysDir, name)
  await createKey(seed)
  const subscriber = { name, nkey: (await readKey(seed)).getPublicKey(), filters }
  const file = entryFile(keysDir, name)
  await writeFile(`${file}.new`, `${JSON.stringify(subscriber)}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
  return subscriber
}

/** Forgets a subscriber and its key. */
export async function removeSubscriber(keysDir: string, name: string): Promise<void> {
  await rm(entryFile(keysDir, name), { force: true })
  await rm(subscriberSeedFile(keysDir, name), { force: true })
}

/**
 * All subscribers, by their names. Their seeds need not be there.
 * @throws {BusError} `bad_key` where a file is not what it should be
 */
export async function readSubscribers(keysDir: string): Promise<Subscriber[]> {
  const files = await entries(folder(keysDir))
  return await Promise.all(files.map((file) => readEntry(path.join(folder(keysDir), file))))
}

async function entries(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).filter((file) => file.endsWith('.json')).toSorted()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

async function readEntry(file: string): Promise<Subscriber> {
  const name = path.basename(file, '.json')
  try {
    const entry = JSON.parse(await readFile(file, 'utf8')) as Subscriber
    const { filters, nkey } = entry
    const texts: unknown[] = [nkey, ...filters]
    if (entry.name !== name || !isSubscriberName(name) || texts.some((text) => !isText(text))) {
      throw new Error('it says something else')
    }
    return { name, nkey, filters }
  } catch (cause) {
    throw new BusError(
      BusErrorCode.badKey,
      `\`${file}\` does not name a subscriber: remove it, and add the subscriber again`,
      { cause },
    )
  }
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function folder(keysDir: string): string {
  return path.join(keysDir, 'subscribers')
}

function entryFile(keysDir: string, name: string): string {
  return path.join(folder(keysDir), `${name}.json`)
}

function refused(why: string): BusError {
  return new BusError(BusErrorCode.subscriberRefused, `no subscriber was added: ${why}`)
}
