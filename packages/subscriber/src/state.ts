import { open, readFile, rename } from 'node:fs/promises'
import path from 'node:path'
import { SubscriberError, SubscriberErrorCode } from './errors.ts'

/** How far the records of one epoch of a decision point have come. */
export interface ChainState {
  readonly instance: string
  readonly epoch: number
  /** The number of the next record. */
  readonly next: number
  /** Those before it that did not come yet: from, to. */
  readonly gaps: readonly (readonly [from: number, to: number])[]
}

/** What a subscription must remember, to notice what it was shown before. */
export interface SubscriberState {
  readonly v: 1
  /** The last checkpoint of the log, and of each of its shards, by origin; the root in base64. */
  readonly logs: Readonly<Record<string, { readonly size: number; readonly root: string }>>
  readonly chains: readonly ChainState[]
}

/** Where a subscription remembers. What `save` resolved for must survive a crash. */
export interface StateStore {
  /** Undefined where nothing was saved yet. */
  load(): Promise<SubscriberState | undefined>
  save(state: SubscriberState): Promise<void>
}

export const NO_STATE: SubscriberState = { v: 1, logs: {}, chains: [] }

/** Remembers in a file, which is replaced as a whole. */
export function fileState(file: string): StateStore {
  return { load: () => load(file), save: (state) => save(file, state) }
}

/** @throws {SubscriberError} `state_unreadable` */
async function load(file: string): Promise<SubscriberState | undefined> {
  try {
    const state = JSON.parse(await readFile(file, 'utf8')) as Partial<SubscriberState>
    if (state.v === 1 && state.logs && state.chains) return state as SubscriberState
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unreadable(file, cause)
  }
  throw unreadable(file)
}

async function save(file: string, state: SubscriberState): Promise<void> {
  const draft = `${file}.new`
  await synced(draft, 'w', (handle) => handle.writeFile(`${JSON.stringify(state)}\n`))
  await rename(draft, file)
  await synced(path.dirname(file), 'r')
}

type Handle = Awaited<ReturnType<typeof open>>

async function synced(
  file: string,
  flags: string,
  write?: (handle: Handle) => Promise<void>,
): Promise<void> {
  const handle = await open(file, flags, 0o600)
  try {
    await write?.(handle)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function unreadable(file: string, cause?: unknown): SubscriberError {
  const message = `\`${file}\` is not the state of a subscription: restore it, or begin with another`
  return new SubscriberError(SubscriberErrorCode.stateUnreadable, message, { cause })
}
