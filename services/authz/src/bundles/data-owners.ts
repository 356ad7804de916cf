import type { ActiveBundles } from './active-bundles.ts'
import type { DataChange, PolicyData } from './policy-data.ts'

export interface DataOwnersOptions {
  readonly data: PolicyData
  readonly active: ActiveBundles
  /** While a bundle is missing, data without an owner may be its own. */
  readonly isWhole: () => boolean
  readonly onUnowned: (paths: number) => void
}

/** Knows the paths of data that no active bundle has among its roots. */
export class DataOwners {
  readonly #options: DataOwnersOptions
  #unowned = new Set<string>()

  constructor(options: DataOwnersOptions) {
    this.#options = options
  }

  get unowned(): number {
    return this.#unowned.size
  }

  /** A change has come. */
  note(change: DataChange): void {
    if (this.#misses(change) && this.#options.isWhole()) this.#options.onUnowned(1)
  }

  /** Other bundles are active, or all of the data is another. */
  recount(): void {
    const { data, isWhole, onUnowned } = this.#options
    const before = this.#unowned
    this.#unowned = new Set()
    for (const change of data.changes) this.#misses(change)
    const isNew = !this.#unowned.isSubsetOf(before)
    if (isNew && isWhole()) onUnowned(this.#unowned.size)
  }

  /** What is taken out anywhere misses nobody. */
  #misses({ path, json }: DataChange): boolean {
    const key = JSON.stringify(path)
    const isUnowned = json !== undefined && !this.#options.active.owns(path)
    if (isUnowned) this.#unowned.add(key)
    else this.#unowned.delete(key)
    return isUnowned
  }
}
