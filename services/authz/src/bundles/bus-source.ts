import { followPointers, followPolicyData } from '@verdict/bus'
import { VerdictError } from '@verdict/contract'
import type { Connection } from '../bus-link.ts'
import type { BundleFollower } from './bundle-follower.ts'
import type { BundleSource } from './bundle-source.ts'
import { PointerIntake } from './pointer-intake.ts'
import type { DataChange, PolicyData } from './policy-data.ts'

export interface BusSourceOptions {
  readonly connection: Connection
  readonly followers: ReadonlyMap<string, BundleFollower>
  readonly sources: ReadonlyMap<string, BundleSource>
  readonly data: PolicyData
  readonly onData: (change: DataChange) => void
  readonly onDataRefused: (change: DataChange, error: VerdictError) => void
  /** All data is another than it was. */
  readonly onDataRenewed: () => void
  /** The bus does not tell of pointers, or of data; whether there is a bus, its link says. */
  readonly onError: (error: unknown) => void
  readonly signal: AbortSignal
}

/** Follows pointers and data over the bus until the signal; settles when that has ended. */
export async function followBus(options: BusSourceOptions): Promise<void> {
  const { connection, onError, signal } = options
  const intakes = intakesOf(options)
  const pointers = followPointers(connection, {
    onPointer: (name, text) => intakes.get(name)?.take(text),
    onError,
    signal,
  })
  const data = followPolicyData(connection, {
    onData: (change) => takeData(change, options),
    onReset: () => options.data.reset(),
    onCurrent: () => {
      if (options.data.complete()) options.onDataRenewed()
    },
    onError,
    signal,
  })
  await Promise.all([pointers.done, data.done])
  await Promise.all(intakes.values().map((intake) => intake.done()))
}

/** A bundle that comes from elsewhere has no pointer. */
function intakesOf({ connection, followers, sources, signal }: BusSourceOptions) {
  const intakes = new Map<string, PointerIntake>()
  for (const [name, follower] of followers) {
    const source = sources.get(name)
    if (source?.kind !== 'nats') continue
    const { sizeMax } = source
    intakes.set(name, new PointerIntake({ connection, follower, sizeMax, signal }))
  }
  return intakes
}

function takeData(change: DataChange, { data, onData, onDataRefused }: BusSourceOptions): void {
  try {
    data.put(change)
  } catch (error) {
    if (!(error instanceof VerdictError)) throw error
    onDataRefused(change, error)
    return
  }
  onData(change)
}
