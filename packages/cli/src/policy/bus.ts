import path from 'node:path'
import { connectBus, type NatsConnection, seedFile } from '@verdict/bus'
import type { Role } from '@verdict/contract'
import type { OptionValues } from '../command.ts'
import { dataDirOption } from '../data-dir.ts'
import { addressesOf } from '../running.ts'

const CONNECT_TIMEOUT_MS = 10_000

/** How a command says which cluster it is about, and as whom it comes. */
export const busOptions = {
  nats: {
    kind: 'text',
    value: 'URL',
    help: 'the nats-servers (default: VERDICT_NATS_URL, else the running cluster)',
  },
  nkeys: {
    kind: 'text',
    value: 'DIR',
    help: 'where the keys of the roles are (default: `keys` in the data folder)',
  },
  'data-dir': dataDirOption,
} as const
export type BusValues = OptionValues<typeof busOptions>

export interface BusPlace {
  readonly values: BusValues
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Works with a connection of a role, and closes it. @throws {BusError} as `connectBus` */
export async function withBus<T>(
  { values, env }: BusPlace,
  role: Role,
  work: (nc: NatsConnection) => Promise<T>,
): Promise<T> {
  const dataDir = path.resolve(values['data-dir'])
  const nc = await connectBus({
    url: values.nats ?? env['VERDICT_NATS_URL'] ?? (await addressesOf(dataDir)).natsUrl,
    role,
    seedFile: seedFile(path.resolve(values.nkeys ?? path.join(dataDir, 'keys')), role),
    name: 'verdict policy',
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
  })
  try {
    return await work(nc)
  } finally {
    await nc.close()
  }
}
