import path from 'node:path'
import { ask, connectBus, seedFile } from '@verdict/bus'
import { type CheckAnswer, type CheckQuery, messageOf, subjects } from '@verdict/contract'
import { addressesOf } from '../running.ts'

const CONNECT_TIMEOUT_MS = 5_000
/** Longer than a decision point takes at worst, its question to authn included. */
const ANSWER_TIMEOUT_MS = 5_000

/** A connection to NATS. */
type Connection = Awaited<ReturnType<typeof connectBus>>

/** Where the cluster is that is asked. */
export interface Asked {
  readonly dataDir: string
  /** Default: that of the running cluster. */
  readonly nats: string | undefined
}

/** Asks the cluster for one decision, which goes on the record; what fails is an answer too. */
export async function answerTo(
  query: CheckQuery,
  asked: Asked,
  name: string,
): Promise<CheckAnswer> {
  try {
    return await asOperator(asked, name, async (nc) => {
      const payload = new TextEncoder().encode(JSON.stringify(query))
      const reply = await ask(nc, subjects.check, payload, { timeoutMs: ANSWER_TIMEOUT_MS })
      return JSON.parse(new TextDecoder().decode(reply))
    })
  } catch (error) {
    const code = (error as { code?: unknown }).code
    return { error: { code: typeof code === 'string' ? code : 'fault', message: messageOf(error) } }
  }
}

/** Does something with a connection of the role `operator`, which is then closed. */
export async function asOperator<T>(
  asked: Asked,
  name: string,
  work: (nc: Connection) => Promise<T>,
): Promise<T> {
  const dataDir = path.resolve(asked.dataDir)
  const role = 'operator'
  const nc = await connectBus({
    url: asked.nats ?? (await addressesOf(dataDir)).natsUrl,
    role,
    seedFile: seedFile(path.join(dataDir, 'keys'), role),
    name,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
  })
  try {
    return await work(nc)
  } finally {
    await nc.close()
  }
}
