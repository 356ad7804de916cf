import { type Token, tokensOf } from './glob-tokens.ts'

type Spend = (units: number) => void

/**
 * Whether two globs, made of characters, `.`, `[a-z]`, `+` and `*`, take a text in common: as the
 * library of OPA answers it, which does not find all of them. @throws {BuiltinError}
 */
export function globsIntersect(left: string, right: string, spend: Spend): boolean {
  const [a, b] = [simplified(tokensOf(left)), simplified(tokensOf(right))]
  const trimmed = trim(a, b)
  return trimmed !== undefined && new Search(trimmed, spend).normal(0, 0, 0)
}

/** Makes one of equal neighbours that both repeat. */
function simplified(tokens: readonly Token[]): Token[] {
  const out: Token[] = []
  for (const token of tokens) {
    const before = out.at(-1)
    if (before && before.flag !== '' && token.flag !== '' && isEqual(before, token)) {
      if (token.flag === '+') before.flag = '+'
    } else out.push(token)
  }
  return out
}

function isEqual(a: Token, b: Token): boolean {
  return a.kind === b.kind && String(a.ranges) === String(b.ranges)
}

function matches(a: Token, b: Token): boolean {
  if (a.ranges === undefined || b.ranges === undefined) return true
  const others = b.ranges
  return a.ranges.some(([first, last]) =>
    others.some((other) => first <= other[1] && other[0] <= last),
  )
}

type Pair = readonly [readonly Token[], readonly Token[]]

/** Without the plain elements that both begin and end with, but one; nothing where they differ. */
function trim(a: readonly Token[], b: readonly Token[]): Pair | undefined {
  let left = 0
  for (; isPlain(a[left]) && isPlain(b[left]); left++) {
    if (!matches(a[left] as Token, b[left] as Token)) return undefined
  }
  if (left > 0) left--
  let [endA, endB] = [a.length - 1, b.length - 1]
  for (; endA >= left && endB >= left && isPlain(a[endA]) && isPlain(b[endB]); endA--, endB--) {
    if (!matches(a[endA] as Token, b[endB] as Token)) return undefined
  }
  if (endA < a.length - 1) {
    endA++
    endB++
  }
  return [a.slice(left, endA + 1), b.slice(left, endB + 1)]
}

function isPlain(token: Token | undefined): boolean {
  return token?.flag === ''
}

/** Remembers what it has found out of each pair of rests, so that no glob takes exponential time. */
class Search {
  readonly #globs: Pair
  readonly #spend: Spend
  readonly #known = new Map<string, boolean>()

  constructor(globs: Pair, spend: Spend) {
    this.#globs = globs
    this.#spend = spend
  }

  /** Walks from two places; `swap` is 1 where the first place is one of the second glob. */
  normal(swap: 0 | 1, from: number, otherFrom: number): boolean {
    const [a, b] = this.#pair(swap)
    let [i, j] = [from, otherFrom]
    for (; i < a.length && j < b.length; i++, j++) {
      const [left, right] = [a[i] as Token, b[j] as Token]
      if (left.flag !== '') return this.#repeated(left.flag, swap, i, j)
      if (right.flag !== '') return this.#repeated(right.flag, swap === 0 ? 1 : 0, j, i)
      if (!matches(left, right)) return false
    }
    return i === a.length && j === b.length
  }

  #pair(swap: 0 | 1): Pair {
    const [a, b] = this.#globs
    return swap === 0 ? [a, b] : [b, a]
  }

  #repeated(flag: '+' | '*', swap: 0 | 1, i: number, j: number): boolean {
    const key = `${flag}${swap}${i},${j}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const found = flag === '+' ? this.#plus(swap, i, j) : this.#star(swap, i, j)
    this.#known.set(key, found)
    return found
  }

  #plus(swap: 0 | 1, i: number, j: number): boolean {
    const [a, b] = this.#pair(swap)
    const other = b[j] as Token
    if (!matches(a[i] as Token, other)) return false
    if (this.#star(swap, i, j + 1)) return true
    return other.flag !== '' && this.normal(swap, i + 1, j)
  }

  /** Lets a repeating element take what it can, and tries at each place to go on behind it. */
  #star(swap: 0 | 1, i: number, j: number): boolean {
    const [a, b] = this.#pair(swap)
    const star = a[i] as Token
    const next = a[i + 1]
    for (let at = j; at < b.length; at++) {
      this.#spend(256)
      const token = b[at] as Token
      if (next !== undefined && matches(token, next) && this.normal(swap, i + 1, at)) return true
      if (!matches(token, star)) return false
    }
    return next === undefined
  }
}
