import type { Case } from './case-files.ts'
import { type Exact, exactText, isArray, readExact } from './exact-json.ts'

/** What a case wants, as `bindingsText` has it where that is a result. */
export function wantedText(asked: Case, came: string): string {
  const { wantResult, wantDefined, wantError, wantErrorCode } = asked
  if (wantError !== undefined || wantErrorCode !== undefined) {
    return `the error ${[wantErrorCode, wantError].filter((part) => part !== undefined).join(': ')}`
  }
  if (wantResult !== undefined) return bindingsText(readExact(wantResult), asked)
  const isDefined = came !== '[]'
  if (isDefined === (wantDefined ?? false)) return came
  return isDefined ? '[]' : 'any result'
}

/** Bindings are a set, whose order and repetitions count for nothing. */
export function bindingsText(bindings: Exact, { sortBindings }: Case): string {
  const texts = (isArray(bindings) ? bindings : []).map((binding) =>
    exactText(sortBindings && binding instanceof Map ? withSortedArrays(binding) : binding),
  )
  return `[${[...new Set(texts)].toSorted().join(',')}]`
}

function withSortedArrays(binding: ReadonlyMap<string, Exact>): Exact {
  const sorted = (value: Exact) =>
    isArray(value) ? value.toSorted((a, b) => (exactText(a) < exactText(b) ? -1 : 1)) : value
  return new Map([...binding].map(([name, value]) => [name, sorted(value)]))
}
