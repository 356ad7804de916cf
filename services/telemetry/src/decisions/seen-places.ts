/** Journals that are remembered; beyond this many the one that was silent longest is forgotten. */
const JOURNALS_MAX = 4096
/** Runs of places of one journal; beyond this many the lowest two become one. */
const RUNS_MAX = 64

/** Places without a hole, both ends included. */
interface Run {
  from: number
  to: number
}

/**
 * Tells whether a record has been counted already. Journals arrive in order, so one run of places
 * is the rule; a batch that comes late makes a second one for a while. What is forgotten at a
 * bound counts as seen where it can, so that a record is rather missed than counted twice.
 */
export class SeenPlaces {
  readonly #runsMax: number
  readonly #journalsMax: number
  readonly #journals = new Map<string, Run[]>()

  constructor({ runsMax = RUNS_MAX, journalsMax = JOURNALS_MAX } = {}) {
    this.#runsMax = runsMax
    this.#journalsMax = journalsMax
  }

  /** True of the first time, false ever after. */
  add({ instance, epoch, n }: { instance: string; epoch: number; n: number }): boolean {
    const runs = this.#runsOf(`${epoch} ${instance}`)
    let at = runs.length - 1
    for (let run = runs[at]; run !== undefined && run.from > n; run = runs[at]) at--
    const before = runs[at]
    if (before !== undefined && n <= before.to) return false
    extend(runs, at, n)
    const [lowest, second] = runs
    if (runs.length > this.#runsMax && lowest && second) {
      runs.splice(0, 2, { from: lowest.from, to: second.to })
    }
    return true
  }

  /** The runs of a journal, which is the youngest from now on. */
  #runsOf(key: string): Run[] {
    const runs = this.#journals.get(key) ?? []
    this.#journals.delete(key)
    this.#journals.set(key, runs)
    const [eldest] = this.#journals.keys()
    if (this.#journals.size > this.#journalsMax && eldest !== undefined) {
      this.#journals.delete(eldest)
    }
    return runs
  }
}

/** Adds a place behind the run at `at`, and joins what it touches. */
function extend(runs: Run[], at: number, n: number): void {
  const [before, after] = [runs[at], runs[at + 1]]
  const touchesBefore = before?.to === n - 1
  const touchesAfter = after?.from === n + 1
  if (touchesBefore && touchesAfter) runs.splice(at, 2, { from: before.from, to: after.to })
  else if (touchesBefore) before.to = n
  else if (touchesAfter) after.from = n
  else runs.splice(at + 1, 0, { from: n, to: n })
}
