import { depthOf, type Statement, textOf } from './statements.ts'
import { callOf, type Expression, type Rule } from './syntax.ts'
import type { Token } from './tokens.ts'

/** What OPA is asked to parse in the place of the constants: they are known again by it. */
const STRING_MARK = 'verdict:'
const NUMBER_MARK = 7_214_000_000_000

/** A shape of rules, as OPA understands it. */
export interface Pattern {
  readonly rule: Rule
  /** Before `if`. */
  readonly head: readonly Token[]
  readonly conditions: readonly Condition[]
  /** Constants that stay in the text: those within references and declarations. */
  readonly fixed: ReadonlySet<number>
  readonly headConstants: readonly number[]
}

/** One expression of a body. */
export interface Condition {
  readonly expression: Expression
  readonly tokens: readonly Token[]
  readonly firstConstant: number
  readonly constants: readonly number[]
}

/** The text of a rule with a mark for each of its constants. */
export function markedText({ tokens, constants }: Statement): string {
  return textOf(tokens, (index) =>
    typeof constants[index] === 'string'
      ? JSON.stringify(`${STRING_MARK}${index}`)
      : String(NUMBER_MARK + index),
  )
}

/** The constant that a value of the parsed form stands for. */
export function markedConstant(value: unknown): number | undefined {
  if (typeof value === 'string' && value.startsWith(STRING_MARK)) {
    return Number(value.slice(STRING_MARK.length))
  }
  if (typeof value !== 'number') return undefined
  return value >= NUMBER_MARK && Number.isInteger(value) ? value - NUMBER_MARK : undefined
}

/** Puts the text of a rule and its parsed form together; or tells why that is not done. */
export function patternOf(statement: Statement, rule: Rule): Pattern | string {
  const refusal = refusalOf(rule)
  if (refusal !== undefined) return refusal
  const split = splitRule(statement.tokens)
  const body = rule.body ?? []
  if (split === undefined || split.conditions.length !== body.length) {
    return 'its conditions are not told apart'
  }
  const fixed = new Set<number>()
  const headConstants = constantsIn([rule.head.key, rule.head.value], fixed)
  let next = headConstants.length
  const conditions: Condition[] = []
  for (const [at, tokens] of split.conditions.entries()) {
    const expression = body[at] as Condition['expression']
    const constants = constantsIn(expression, fixed)
    conditions.push({ expression, tokens, firstConstant: next, constants })
    next += constants.length
  }
  const found = [...headConstants, ...conditions.flatMap(({ constants }) => constants)]
  const whole = found.length === statement.constants.length
  // A condition's text has exactly the constants of its parsed form.
  const inPlace = conditions.every(({ firstConstant, constants }) =>
    constants
      .toSorted((a, b) => a - b)
      .every((constant, offset) => constant === firstConstant + offset),
  )
  const inHead = headConstants.every((constant) => constant < headConstants.length)
  if (!whole || !inPlace || !inHead || new Set(found).size !== found.length) {
    return 'its constants are not told apart'
  }
  return { rule, head: split.head, conditions, fixed, headConstants }
}

function refusalOf({ head, body = [], ...rule }: Rule): string | undefined {
  if (rule.default) return 'it is a default'
  if (rule.else !== undefined && rule.else !== null) return 'it has an `else`'
  if (constantsIn(head.args, new Set()).length > 0) return 'a parameter of it is a constant'
  if (head.ref?.length !== 1) return 'the name of its head is a path'
  if (body.some((expression) => hasWith(expression))) return 'it uses `with`'
  return undefined
}

function hasWith(node: unknown): boolean {
  if (typeof node !== 'object' || node === null) return false
  if (Array.isArray(node)) return node.some(hasWith)
  return 'with' in node || Object.values(node).some(hasWith)
}

/**
 * The constants in a parsed form. Those within references are `fixed` besides, and those within
 * declarations: a variable in their place would be declared.
 */
function constantsIn(node: unknown, fixed: Set<number>, inFixed = false): number[] {
  if (typeof node !== 'object' || node === null) return []
  if (Array.isArray(node)) return node.flatMap((each) => constantsIn(each, fixed, inFixed))
  const { type, value, terms } = node as { type?: unknown; value?: unknown; terms?: unknown }
  const constant = type === 'string' || type === 'number' ? markedConstant(value) : undefined
  if (constant !== undefined) {
    if (inFixed) fixed.add(constant)
    return [constant]
  }
  const call = terms === undefined ? undefined : callOf({ terms } as Expression)
  if (call?.name === 'assign') {
    const [declared, ...others] = call.operands
    return [...constantsIn(declared, fixed, true), ...constantsIn(others, fixed, inFixed)]
  }
  const within = inFixed || type === 'ref' || 'symbols' in node
  return Object.values(node).flatMap((each) => constantsIn(each, fixed, within))
}

/** The text of a rule, by its head and its conditions. */
function splitRule(
  tokens: readonly Token[],
): { head: readonly Token[]; conditions: readonly (readonly Token[])[] } | undefined {
  let depth = 0
  const at = tokens.findIndex((token) => {
    depth += depthOf(token)
    return depth === 0 && token.kind === 'word' && token.text === 'if'
  })
  if (at < 1) return undefined
  const body = tokens.slice(at + 1)
  const braced = body[0]?.text === '{' && body.at(-1)?.text === '}'
  return {
    head: tokens.slice(0, at),
    conditions: braced ? splitBody(body.slice(1, -1)) : [body],
  }
}

function splitBody(tokens: readonly Token[]): Token[][] {
  const conditions: Token[][] = []
  let depth = 0
  let ended = true
  // Brackets that close what was opened before are none of a body: `{ a } | { b }`.
  for (const token of tokens) {
    if (depth === 0 && token.kind === 'symbol' && token.text === ';') {
      ended = true
      continue
    }
    if (ended || (depth === 0 && token.before === '\n')) conditions.push([])
    conditions.at(-1)?.push(token)
    ended = false
    depth += depthOf(token)
    if (depth < 0) return []
  }
  return conditions
}
