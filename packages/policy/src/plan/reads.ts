import { DynamicCalls } from './dynamic-calls.ts'
import { type Callable, FunctionFlow } from './function-flow.ts'
import { Places } from './places.ts'
import {
  type Block,
  DATA,
  INPUT,
  type Operand,
  type Plan,
  type PlanFunction,
  statementsOf,
} from './plan.ts'
import { Part, type ReadTree } from './read-tree.ts'

/** What the answer of an entrypoint can depend on. */
export interface Reads {
  readonly input: ReadTree
  readonly data: ReadTree
  /** The built-ins that it may call. */
  readonly builtins: ReadonlySet<string>
}

/**
 * What an entrypoint can read, from its plan: every part that any of its rules looks up, whether
 * or not it is ever come to. Where a value can't be followed, the whole of it counts as read.
 * Undefined where the plan has no such entrypoint.
 */
export function readsOf(plan: Plan, entrypoint: string): Reads | undefined {
  const entry = plan.plans.plans.find(({ name }) => name === entrypoint)
  if (entry === undefined) return undefined
  const functions = new Map((plan.funcs?.funcs ?? []).map((func) => [func.name, func]))
  const called = calledBy(entry.blocks, functions, plan)
  const documents = followValues({ params: [INPUT, DATA], blocks: entry.blocks }, called, plan)
  return { ...documents, builtins: called.builtins }
}

function followValues(
  entry: Pick<PlanFunction, 'params' | 'blocks'>,
  { functions }: ReturnType<typeof calledBy>,
  plan: Plan,
): Pick<Reads, 'input' | 'data'> {
  const input = new Part()
  const data = new Part()
  const places = new Places()
  const callableOf = ({ params }: Pick<PlanFunction, 'params'>): Callable => {
    const callable = { params: params.map(() => places.add()), returned: places.add() }
    for (const [at, document] of [input, data].entries()) callable.params[at]?.parts.add(document)
    return callable
  }
  const callables = new Map([...functions].map((func) => [func.name, callableOf(func)]))
  const paths = new DynamicCalls(plan, functions)
  const context = {
    places,
    strings: (plan.static.strings ?? []).map(({ value }) => value),
    callable: (name: string) => callables.get(name),
    dynamic: (path: readonly Operand[]) =>
      paths
        .calledBy(path)
        .map(({ name }) => callables.get(name))
        .filter((each) => each !== undefined),
    lookAtAll: () => {
      input.lookAt()
      data.lookAt()
    },
  }
  new FunctionFlow(entry, callableOf(entry), context).follow()
  for (const func of functions) {
    const callable = callables.get(func.name)
    if (callable !== undefined) new FunctionFlow(func, callable, context).follow()
  }
  places.settle()
  return { input: input.tree(), data: data.tree() }
}

/** The functions that blocks can come to, and the built-ins, which are those without a body. */
function calledBy(
  blocks: readonly Block[],
  functions: ReadonlyMap<string, PlanFunction>,
  plan: Plan,
) {
  const paths = new DynamicCalls(plan, functions.values())
  const found = new Set<PlanFunction>()
  const builtins = new Set<string>()
  const open: (readonly Block[])[] = [blocks]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const { type, stmt } of statementsOf(next)) {
      // Which function a path of data leads to is known only when it is evaluated.
      const isDynamic = type === 'CallDynamicStmt'
      const dynamic = isDynamic ? paths.calledBy(stmt['path'] as readonly Operand[]) : []
      const names = type === 'CallStmt' ? [String(stmt['func'])] : dynamic.map(({ name }) => name)
      for (const name of names) {
        const func = functions.get(name)
        if (func === undefined) builtins.add(name)
        else if (!found.has(func)) {
          found.add(func)
          open.push(func.blocks)
        }
      }
    }
  }
  return { functions: found, builtins }
}
