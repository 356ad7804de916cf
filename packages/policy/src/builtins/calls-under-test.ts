import { readFileSync } from 'node:fs'
import { answersOfBoth } from '../../test/policy-under-test.ts'

/** OPA gives these in an order that changes from run to run. */
const UNORDERED: ReadonlyMap<string, string> = new Map([
  ['json.match_schema', '[answer[0], {fault | some fault in answer[1]}]'],
])

/** A call of a built-in whose answers differ, with both of them. */
export interface Difference {
  readonly call: string
  readonly opa: string | undefined
  readonly ours: string | undefined
}

/** The calls of `cases/<family>.txt`, one on each line. */
export function callsOf(family: string): string[] {
  const text = readFileSync(new URL(`cases/${family}.txt`, import.meta.url), 'utf8')
  return text.split('\n').filter((line) => line !== '')
}

/** Asks OPA and a module in this engine for each call, such as `indexof_n("aba", "a")`. */
export async function differencesOf(calls: readonly string[]): Promise<Difference[]> {
  const expressions = calls.map(untyped)
  const { opa, ours } = await answersOfBoth(expressions)
  return calls.flatMap((call, at) => {
    const expression = expressions[at] ?? ''
    const difference = { call, opa: opa[expression], ours: ours[expression] }
    return difference.opa === difference.ours ? [] : [difference]
  })
}

/** Operands lose their types on the way: else OPA's compiler refuses those of a wrong type. */
function untyped(call: string): string {
  const open = call.indexOf('(')
  const name = call.slice(0, open)
  const operands = call.slice(open + 1, -1)
  const used = Array.from({ length: countOf(operands) }, (_, at) => `v[${at}]`).join(', ')
  const shown = UNORDERED.get(name) ?? 'answer'
  return `[${shown} | v := object.get({"v": [${operands}]}, "v", null); answer := ${name}(${used})][0]`
}

/** How many operands there are, by the commas that are in no text and no brackets. */
function countOf(operands: string): number {
  const bare = operands.replaceAll(/"(?:[^"\\]|\\.)*"/g, '_')
  let depth = 0
  let count = bare.trim() === '' ? 0 : 1
  for (const character of bare) {
    if ('[{('.includes(character)) depth++
    else if (')}]'.includes(character)) depth--
    else if (character === ',' && depth === 0) count++
  }
  return count
}
