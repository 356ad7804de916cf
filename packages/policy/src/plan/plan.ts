/**
 * OPA's plan of a policy, from which its module is compiled too: functions of statements on
 * numbered locals. Local 0 is the input and local 1 the data, in every function.
 * <https://www.openpolicyagent.org/docs/ir>
 */
export interface Plan {
  readonly static: {
    readonly strings?: readonly { readonly value: string }[]
    /** The sources; statements say by number which one they are of. */
    readonly files?: readonly { readonly value: string }[]
  }
  readonly plans: {
    readonly plans: readonly { readonly name: string; readonly blocks: readonly Block[] }[]
  }
  readonly funcs?: { readonly funcs?: readonly PlanFunction[] | null } | null
}

export interface PlanFunction {
  readonly name: string
  /** The first two are the input and the data. */
  readonly params: readonly Local[]
  readonly return: Local
  /** By which a path of data leads to it. */
  readonly path?: readonly string[]
  readonly blocks: readonly Block[]
}

export interface Block {
  readonly stmts: readonly Statement[] | null
}

/** A number within one function or plan. */
export type Local = number

export type Operand =
  | { readonly type: 'local'; readonly value: Local }
  | { readonly type: 'string_index'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }

/** What a statement has besides its place in the source depends on its type. */
export interface Statement {
  readonly type: string
  readonly stmt: Readonly<Record<string, unknown>>
}

export const INPUT: Local = 0
export const DATA: Local = 1

/** The blocks within a statement. */
export function blocksOf({ stmt }: Statement): readonly Block[] {
  const { block, blocks } = stmt as { block?: Block; blocks?: readonly Block[] | null }
  return [...(block ? [block] : []), ...(blocks ?? [])]
}

/** All statements of the blocks, each before those within it. */
export function* statementsOf(blocks: readonly Block[]): Generator<Statement> {
  for (const { stmts } of blocks) {
    for (const statement of stmts ?? []) {
      yield statement
      yield* statementsOf(blocksOf(statement))
    }
  }
}
