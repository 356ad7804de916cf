import { equal } from '../value/compare.ts'
import type { Value } from '../value/value.ts'
import { edited } from './edit.ts'
import type { NearMiss } from './explanation.ts'
import { byRank } from './rank.ts'
import { grouped } from './told-misses.ts'
import { isBetter, isMore, isVague } from './vague.ts'
import { type Want, type Wants, wantKey } from './wants.ts'

/** Evaluations that look for them. */
const EVALUATIONS_MAX = 600
/** What they may cost together, in units of the interpreter: some seconds. */
const UNITS_MAX = 8_000_000
/** How often a value that nobody knows is looked at more closely. */
const REFINEMENTS_MAX = 8
/** With so many single changes, none of two are looked for. */
const ENOUGH = 3
/** Pairs of changes that are looked for. */
const PAIRS_MAX = 3
/** Pairs of changes are tried only with so many first ones. */
const FIRST_CHANGES_MAX = 40

/** What an evaluation of a changed input has shown. */
export interface Tried {
  readonly allowed: boolean
  readonly wants: Wants
  readonly spent: number
}
/** Undefined where the changed input has no decision. */
export type Try = (input: Value, unitsMax: number) => Tried | undefined

/** A change, and the input with it. */
interface Candidate {
  readonly changes: readonly Want[]
  readonly input: Value
  readonly refinements: number
}

/**
 * The smallest changes of an input by which it would be allowed. Conditions tell what they want of
 * the input; whatever is told here was evaluated, and was allowed.
 */
export function nearMisses(input: Value | undefined, first: Wants, attempt: Try): NearMiss[] {
  return new Search(input, first, attempt).run()
}

class Search {
  readonly #input: Value | undefined
  readonly #first: Wants
  /** What was wanted before anything was changed. */
  readonly #known: ReadonlySet<string>
  readonly #attempt: Try
  readonly #seen = new Set<string>()
  readonly #found: (readonly Want[])[] = []
  /** Single changes that made other conditions matter, with what those want. */
  readonly #opened: { readonly by: Candidate; readonly wants: readonly Want[] }[] = []
  #evaluations = 0
  #units = UNITS_MAX

  constructor(input: Value | undefined, first: Wants, attempt: Try) {
    this.#input = input
    this.#first = first
    this.#known = new Set(Array.from(first, wantKey))
    this.#attempt = attempt
  }

  run(): NearMiss[] {
    for (const want of byRank(this.#first)) {
      const candidate = this.#changed([], this.#input, want)
      if (candidate !== undefined) this.#explore(candidate)
    }
    if (this.#found.length < ENOUGH) this.#pairs(this.#found.flat())
    return grouped(this.#found)
  }

  /** Two changes, at places that are apart, and neither where one alone would do. */
  #pairs(enough: readonly Want[]): void {
    const max = this.#found.length + PAIRS_MAX
    for (const { by, wants } of this.#opened.slice(0, FIRST_CHANGES_MAX)) {
      const taken = [...enough, ...by.changes]
      if (by.changes.some((change) => meets(change, enough))) continue
      for (const want of byRank(wants)) {
        if (meets(want, taken)) continue
        const candidate = this.#changed(by.changes, by.input, want)
        if (candidate !== undefined) this.#explore(candidate)
        if (this.#found.length >= max) return
      }
    }
  }

  /** Tries a change, and then what is wanted at its place with it. */
  #explore(candidate: Candidate): void {
    const open = [candidate]
    for (let next = open.shift(); next !== undefined; next = open.shift()) {
      const tried = this.#try(next)
      if (tried === undefined) continue
      const fresh = [...tried.wants].filter((want) => !this.#known.has(wantKey(want)))
      const last = next.changes.at(-1) as Want
      const isOpen = isVague(last.value)
      const refined = this.#refined(next, last, isOpen ? [...tried.wants] : fresh)
      // That anything at all would do is told only where nothing better is known.
      if (tried.allowed && !(isOpen && refined.some(({ changes }) => isBetter(changes.at(-1))))) {
        this.#found.push(next.changes)
        continue
      }
      if (next.refinements < REFINEMENTS_MAX) open.push(...refined)
      if (next.changes.length === 1 && fresh.length > 0)
        this.#opened.push({ by: next, wants: fresh })
    }
  }

  #try({ changes, input }: Candidate): Tried | undefined {
    const key = changes.map(wantKey).sort().join('\n')
    if (this.#seen.has(key) || this.#evaluations >= EVALUATIONS_MAX || this.#units <= 0) return
    this.#seen.add(key)
    this.#evaluations += 1
    const tried = this.#attempt(input, this.#units)
    this.#units -= tried?.spent ?? this.#units
    return tried
  }

  /** The same change, with what is wanted at its place or below it. */
  #refined(candidate: Candidate, last: Want, wants: readonly Want[]): Candidate[] {
    const before = candidate.changes.slice(0, -1)
    const base = before.reduce<Value | undefined>(
      (input, each) => (input === undefined ? undefined : edited(input, each)),
      this.#input,
    )
    return wants.flatMap((want) => {
      if (want.kind === 'lack' || want.kind === 'differ' || !isBelow(want.path, last.path))
        return []
      const rest = want.path.slice(last.path.length)
      // To take something out and put a part of it back is no small change.
      if (last.kind === 'lack' && (rest.length > 0 || isVague(want.value))) return []
      const value = edited(last.value, { ...want, path: rest })
      if (value === undefined || (isVague(last.value) && !isMore(last.value, value))) return []
      const next = this.#changed(before, base, { path: last.path, kind: 'be', value })
      return next === undefined ? [] : [{ ...next, refinements: candidate.refinements + 1 }]
    })
  }

  #changed(before: readonly Want[], input: Value | undefined, want: Want): Candidate | undefined {
    const changed = edited(input, want)
    if (changed === undefined || (input !== undefined && equal(changed, input))) return undefined
    return { changes: [...before, want], input: changed, refinements: 0 }
  }
}

/** Whether a change is at the place of one of the others, within it or around it. */
function meets({ path }: Want, others: readonly Want[]): boolean {
  return others.some((other) => isBelow(path, other.path) || isBelow(other.path, path))
}

function isBelow(path: readonly Value[], above: readonly Value[]): boolean {
  return above.every((key, at) => path[at] === key)
}
