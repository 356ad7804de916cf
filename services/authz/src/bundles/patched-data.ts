import { setImmediate as nextTurn } from 'node:timers/promises'
import { messageOf, type VerdictError } from '@verdict/contract'
import { type LoadedPolicy, PolicyError, PolicyErrorCode, rootOwner } from '@verdict/policy'
import { BundlesError, BundlesErrorCode } from '../errors.ts'
import type { DataChange, PolicyData } from './policy-data.ts'

/** Changes that are put into a policy before others have their turn. */
const CHANGES_PER_TURN = 256

export interface PatchedDataOptions {
  readonly policy: Pick<LoadedPolicy, 'patchData'>
  readonly roots: readonly string[]
  /** JSON: the data of the bundle. */
  readonly original: Uint8Array
  readonly data: PolicyData
  readonly onApplied: (change: DataChange) => void
  readonly onRefused: (change: DataChange, error: VerdictError) => void
}

/**
 * Keeps the data of a policy as its bundle has it, with what came beside it over that: for each
 * path below its roots the last value, the later ones over the earlier ones. Where a path has no
 * value any more, what the bundle has there is in effect again.
 */
export class PatchedData implements Disposable {
  readonly #options: PatchedDataOptions
  readonly #listener = (change: DataChange): void => this.#take(change)
  #original: unknown
  /** The last change that is in effect. */
  revision: number | undefined

  constructor(options: PatchedDataOptions) {
    this.#options = options
  }

  /** Puts in what has come so far, then each change as it comes. */
  async follow(): Promise<void> {
    const { data } = this.#options
    let position = -1
    for (;;) {
      const turn = this.#after(position)
      for (const change of turn) this.#take(change)
      if (turn.length < CHANGES_PER_TURN) break
      position = turn.at(-1)?.revision ?? position
      await nextTurn()
    }
    data.listen(this.#listener)
  }

  /** Whether changes of a path are put in here. */
  owns(path: readonly string[]): boolean {
    return rootOwner(path, this.#options.roots)
  }

  [Symbol.dispose](): void {
    this.#options.data.leave(this.#listener)
  }

  #after(position: number): DataChange[] {
    const turn: DataChange[] = []
    for (const change of this.#options.data.changes) {
      if (change.revision > position && this.owns(change.path)) turn.push(change)
      if (turn.length === CHANGES_PER_TURN) break
    }
    return turn
  }

  #take(change: DataChange): void {
    if (!this.owns(change.path)) return
    const { policy, onApplied, onRefused } = this.#options
    try {
      if (change.json === undefined) this.#withdraw(change.path)
      else policy.patchData(change.path, jsonOf(change))
      this.revision = change.revision
    } catch (error) {
      if (!(error instanceof PolicyError || error instanceof BundlesError)) throw error
      onRefused(change, error)
      return
    }
    onApplied(change)
  }

  /** Puts back what the bundle has at a path, and over it what else there is at or below it. */
  #withdraw(path: readonly string[]): void {
    const { policy, data } = this.#options
    const values = [...data.changes].filter(
      ({ path: at, json }) => json !== undefined && this.owns(at),
    )
    const above = values.filter((change) => isAt(change.path, path))
    const depth = Math.min(...above.map((change) => change.path.length), path.length)
    const { place, value } = this.#originalAt(path.slice(0, depth))
    const put = (at: readonly string[], given: () => unknown): void => {
      try {
        policy.patchData(at, given())
      } catch (error) {
        // It was told when it came; of what was never in effect, there is nothing to take out.
        if (!isRefusal(error)) throw error
      }
    }
    put(place, () => value)
    for (const change of values) {
      if (isAt(place, change.path)) put(change.path, () => jsonOf(change))
    }
  }

  /** Where the bundle has nothing, the outermost object that it has not, either. */
  #originalAt(path: readonly string[]): { place: readonly string[]; value: unknown } {
    this.#original ??= parseExactly(this.#options.original)
    let value = this.#original
    for (const [at, key] of path.entries()) {
      const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
      if (!isObject || !Object.hasOwn(value as object, key)) {
        return { place: path.slice(0, at + 1), value: undefined }
      }
      value = (value as Record<string, unknown>)[key]
    }
    return { place: path, value }
  }
}

function isRefusal(error: unknown): boolean {
  if (error instanceof BundlesError) return true
  return error instanceof PolicyError && error.code === PolicyErrorCode.dataRefused
}

/** Whether a path is a place or below it. */
function isAt(place: readonly string[], path: readonly string[]): boolean {
  return place.length <= path.length && place.every((key, at) => key === path[at])
}

function jsonOf({ path, json }: DataChange): unknown {
  try {
    return parseExactly(json ?? Buffer.of())
  } catch (cause) {
    const why = `\`data.${path.join('.')}\` is given what is no JSON: ${messageOf(cause)}`
    throw new BundlesError(BundlesErrorCode.dataMalformed, why, { cause })
  }
}

/** Numbers stay as they are written: JavaScript's lose the last digits of a long integer. */
function parseExactly(json: Uint8Array): unknown {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(json)
  return exact.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined
      ? exact.rawJSON(source)
      : value,
  )
}

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown

/** What the types of JSON do not tell yet. */
const exact = JSON as unknown as {
  parse(text: string, reviver: Reviver): unknown
  rawJSON(text: string): unknown
}
