import { readFileSync } from 'node:fs'
import { answersOfBoth, answersOfOpa } from '../../test/policy-under-test.ts'
import { setOf } from '../value/compare.ts'
import { readValue } from '../value/read.ts'
import { regoText } from '../value/rego-text.ts'
import { isArray, type Value } from '../value/value.ts'
import { BuiltinError, type Builtins, type Evaluation } from './builtin.ts'

/** OPA gives these in an order that changes from run to run. */
const UNORDERED: ReadonlyMap<string, string> = new Map([
  ['json.match_schema', '[answer[0], {fault | some fault in answer[1]}]'],
])

/** A relation: one call has as many answers as there are pairs. */
const WALK = 'walk'

/** An evaluation that may cost what it will. */
const UNBOUNDED = { spend: () => undefined } as unknown as Evaluation

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

/** Asks OPA and built-ins of ours, which are called without a module, for each call. */
export async function differencesFrom(
  builtins: Builtins,
  calls: readonly string[],
): Promise<Difference[]> {
  const expressions = calls.map((call) =>
    call.startsWith(WALK) ? `{pair | ${call.slice(0, -1)}, pair)}` : untyped(call),
  )
  const opa = await answersOfOpa(expressions)
  return calls.flatMap((call, at) => {
    const ours = answerOf(builtins, call)
    const difference = { call, opa: opa[expressions[at] ?? ''], ours }
    return difference.opa === difference.ours ? [] : [difference]
  })
}

/** As Rego's text; nothing where the built-in has no value for its operands. */
function answerOf(builtins: Builtins, call: string): string | undefined {
  const open = call.indexOf('(')
  const name = call.slice(0, open)
  const operands = readValue(`[${call.slice(open + 1, -1)}]`)
  const builtin = builtins[name]
  if (builtin === undefined || !isArray(operands)) throw new Error(`\`${call}\` is no call`)
  try {
    const answer = builtin(UNBOUNDED, ...operands)
    return regoText([name === WALK ? setOf(answer as Value[]) : answer])
  } catch (thrown) {
    if (thrown instanceof BuiltinError) return undefined
    throw thrown
  }
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
