import type { NatsConnection } from 'nats'
import { type ConnectBusOptions, connectBus } from './connect.ts'
import { BusError, BusErrorCode } from './errors.ts'
import { seedFile } from './keys.ts'

export interface JoinBusOptions extends Omit<ConnectBusOptions, 'seedFile'> {
  /** Holds the key of each role, as `createKeys` makes them. */
  readonly keysDir: string
  /** Is told when the connection has ended for good, although nobody left. */
  readonly onLost: (error: unknown) => void
}

/** A service's place on the bus, held until it is disposed of. */
export interface BusMember extends AsyncDisposable {
  readonly nc: NatsConnection
}

/**
 * Connects a service. The connection is made again for ever, so one that ends by itself ends the
 * service.
 * @throws {BusError} as `connectBus`
 */
export async function joinBus({ keysDir, onLost, ...options }: JoinBusOptions): Promise<BusMember> {
  const nc = await connectBus({ ...options, seedFile: seedFile(keysDir, options.role) })
  let leaving = false
  void nc.closed().then((cause) => {
    if (leaving) return
    const message = `the connection of ${options.role} was closed for good`
    onLost(new BusError(BusErrorCode.disconnected, message, { cause }))
  })
  return {
    nc,
    async [Symbol.asyncDispose]() {
      leaving = true
      await nc.close()
    },
  }
}
