import { readFile, rename, writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { DECIDED, eventsApi } from '@verdict/contract'
import { BusError, BusErrorCode } from './errors.ts'
import { connectSubscriber } from './events.ts'
import { publicKeys } from './keys.ts'
import { serverConfigFile } from './nats-server.ts'
import { request } from './request.ts'
import { serverAccounts } from './server-accounts.ts'
import { configText } from './server-config.ts'
import { readSubscribers, subscriberSeedFile } from './subscriber-keys.ts'

/** A server takes on its configuration within a moment. */
const RELOAD_TIMEOUT_MS = 15_000
const RELOAD_POLL_MS = 100
/** A connection that meets a reload hangs: it is made again soon. */
const CONNECT_TIMEOUT_MS = 500
/** An answer is lost when the server reloads on its way. */
const ANSWER_TIMEOUT_MS = 500

export interface ReloadOptions {
  /** The folder of the server's configuration. */
  readonly serverDir: string
  readonly keysDir: string
  /** Sends the server SIGHUP. */
  readonly hangUp: () => void
}

/**
 * Has a server take on the keys that there are now. Nobody who still has one loses the connection;
 * whoever connects in the very moment may be refused once.
 */
export async function reloadAccounts({ serverDir, keysDir, hangUp }: ReloadOptions): Promise<void> {
  const file = serverConfigFile(serverDir)
  const config = JSON.parse((await readFile(file, 'utf8')).replace(/^#.*\n/, '')) as object
  const accounts = serverAccounts(await publicKeys(keysDir), await readSubscribers(keysDir))
  await writeFile(`${file}.new`, configText({ ...config, accounts }), { mode: 0o600 })
  await rename(`${file}.new`, file)
  hangUp()
}

/**
 * Waits until a server that reloads lets a new subscriber read. What an account imports is there
 * only with the reload after the one that brought the account (nats-server 2.15): it is told again.
 * @throws {BusError} why it does not, after a while
 */
export async function awaitSubscriber(
  name: string,
  { url, keysDir, hangUp }: Pick<ReloadOptions, 'keysDir' | 'hangUp'> & { url: string },
): Promise<void> {
  const deadline = performance.now() + RELOAD_TIMEOUT_MS
  for (;;) {
    try {
      await read(name, { url, seedFile: subscriberSeedFile(keysDir, name) })
      return
    } catch (error) {
      if (performance.now() > deadline) throw error
      if (error instanceof BusError && error.code === BusErrorCode.noResponders) hangUp()
    }
    await delay(RELOAD_POLL_MS)
  }
}

async function read(name: string, place: { url: string; seedFile: string }): Promise<void> {
  const nc = await connectSubscriber({ ...place, name, connectTimeoutMs: CONNECT_TIMEOUT_MS })
  try {
    const question = `${eventsApi('subscriber')}.CONSUMER.INFO.${DECIDED.name}.${name}`
    await request(nc, question, new Uint8Array(), { timeoutMs: ANSWER_TIMEOUT_MS })
  } finally {
    await nc.close()
  }
}
