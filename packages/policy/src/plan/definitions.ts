import { type Block, blocksOf, type Local, type Operand, type Statement } from './plan.ts'

/** One place where a local gets a value. */
export interface Definition {
  readonly local: Local
  /** Whether nothing is known of the value but that there is none. */
  readonly empty: boolean
  /** Whether what the local was before is gone. */
  readonly kills: boolean
  readonly at: Position
}

/** Where a statement stands in a function. */
export interface Position {
  /** Counts up in the order of the text. */
  readonly order: number
  readonly block: Nesting
  /** Whether whatever comes to the block comes here: nothing before it in the block can fail. */
  readonly certain: boolean
}

/** A block, and what it is in. */
interface Nesting {
  readonly parent: Nesting | undefined
  /** The blocks that run one after the other, of which this is one, by the first of them. */
  readonly first: Nesting | undefined
  /** Whether it runs for each member of a value, so that its end leads to its start. */
  readonly repeats: boolean
  /** The block of the function that it is in. */
  readonly outermost: Nesting | undefined
}

/** Statements after which the next one always comes. */
const NEVER_FAILS: ReadonlySet<string> = new Set([
  'AssignIntStmt',
  'MakeArrayStmt',
  'MakeNullStmt',
  'MakeNumberIntStmt',
  'MakeNumberRefStmt',
  'MakeObjectStmt',
  'MakeSetStmt',
  'NopStmt',
  'ResetLocalStmt',
])

/** A statement that knows where it stands. */
export interface PlacedStatement extends Statement {
  readonly at: Position
}

/** The statements of a function in the order of the text, each before those within it. */
export function placedStatements(blocks: readonly Block[]): PlacedStatement[] {
  const placed: PlacedStatement[] = []
  const place = (inner: readonly Block[], parent: Nesting | undefined, repeats: boolean) => {
    let first: Nesting | undefined
    for (const { stmts } of inner) {
      const block: Nesting = { parent, first, repeats, outermost: parent?.outermost ?? parent }
      first ??= block
      let certain = true
      for (const { type, stmt } of stmts ?? []) {
        placed.push({ type, stmt, at: { order: placed.length, block, certain } })
        certain &&= NEVER_FAILS.has(type)
        place(blocksOf({ type, stmt }), block, type === 'ScanStmt')
      }
    }
  }
  place(blocks, undefined, false)
  return placed
}

/** The definitions of the locals of one function, and which of them a read can see. */
export class Definitions {
  readonly #byLocal = new Map<Local, Definition[]>()
  /** Those that some block of the function reads before it writes them. */
  readonly #shared: ReadonlySet<Local>

  constructor(statements: readonly PlacedStatement[]) {
    for (const statement of statements) {
      for (const definition of definitionsBy(statement)) {
        const known = this.#byLocal.get(definition.local)
        if (known === undefined) this.#byLocal.set(definition.local, [definition])
        else known.push(definition)
      }
    }
    this.#shared = readFirst(statements)
  }

  /**
   * The definitions that a statement can see, nearest first: those before it as far as one that it
   * can't be reached without, and those by which an earlier turn of a loop may have ended. OPA
   * numbers the locals of each rule anew: what no block reads before it writes it, it is not left.
   */
  *reaching(local: Local, { order, block }: Position): Generator<Definition> {
    const all = this.#byLocal.get(local) ?? []
    const isShared = this.#shared.has(local)
    let last: Definition | undefined
    for (let at = indexOf(all, order) - 1; at >= 0; at--) {
      const definition = all[at] as Definition
      if (!isShared && outermost(definition.at.block) !== outermost(block)) break
      yield definition
      if (!definition.kills || !comesBefore(definition.at, block)) continue
      last = definition
      break
    }
    const around = last && (isWithin(block, last.at.block) ? last.at.block : last.at.block.parent)
    const loop = outermostLoop(block, around)
    if (loop === undefined) return
    for (let at = indexOf(all, order); at < all.length; at++) {
      const definition = all[at] as Definition
      if (isWithin(definition.at.block, loop)) yield definition
    }
  }

  /** What a statement defines under this name. */
  by(local: Local, { order }: Position): Definition | undefined {
    const all = this.#byLocal.get(local) ?? []
    const found = all[indexOf(all, order)]
    return found?.at.order === order ? found : undefined
  }
}

/** Of definitions in their order, the first that is not before this one. */
function indexOf(definitions: readonly Definition[], order: number): number {
  let [low, high] = [0, definitions.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((definitions[middle] as Definition).at.order < order) low = middle + 1
    else high = middle
  }
  return low
}

/** The locals that some block of the function reads before it has written them. */
function readFirst(statements: readonly PlacedStatement[]): Set<Local> {
  const shared = new Set<Local>()
  let written = new Set<Local>()
  let block: Nesting | undefined
  for (const statement of statements) {
    if (outermost(statement.at.block) !== block) {
      block = outermost(statement.at.block)
      written = new Set()
    }
    const defined = definitionsBy(statement)
    for (const local of readsOf(statement)) if (!written.has(local)) shared.add(local)
    for (const { local } of defined) written.add(local)
  }
  return shared
}

/** Some numbers are no locals; to take them for some makes those locals shared, which is sound. */
function readsOf({ type, stmt }: PlacedStatement): Local[] {
  return Object.entries(stmt).flatMap(([field, value]) => {
    if (PLACES.has(field)) return []
    const isWritten = type === 'ScanStmt' ? field === 'key' || field === 'value' : WRITES.has(field)
    // What takes one value looks whether it has one.
    return isWritten && type !== 'AssignVarOnceStmt' ? [] : localsIn(value)
  })
}

const WRITES: ReadonlySet<string> = new Set(['result', 'target'])
/** Where a statement stands in the source. */
const PLACES: ReadonlySet<string> = new Set(['file', 'row', 'col', 'end_row', 'end_col'])

function localsIn(value: unknown): Local[] {
  if (Array.isArray(value)) return value.flatMap(localsIn)
  const local = localOf(value)
  return local === undefined ? [] : [local]
}

/** What a statement writes, by its type; ScanStmt and WithStmt write something else besides. */
function definitionsBy({ type, stmt, at }: PlacedStatement): Definition[] {
  const { target, result, key, value, local } = stmt as Readonly<Record<string, Local | undefined>>
  const written =
    type === 'ScanStmt' ? [key, value] : type === 'WithStmt' ? [local] : [target ?? result]
  return written
    .filter((each) => each !== undefined)
    .map((each) => ({
      local: each,
      empty: type === 'ResetLocalStmt',
      kills: type !== 'WithStmt',
      at,
    }))
}

function outermost(block: Nesting): Nesting {
  return block.outermost ?? block
}

/** Whether a statement in the block can't be come to without what is there. */
function comesBefore({ block: where, certain }: Position, block: Nesting): boolean {
  for (let each: Nesting | undefined = block; each !== undefined; each = each.parent) {
    if (each === where) return true
    // A block that runs before one around it, in which nothing before it can fail.
    if (certain && each.first !== undefined && each.first === (where.first ?? where)) return true
  }
  return false
}

function isWithin(block: Nesting, outer: Nesting): boolean {
  for (let each: Nesting | undefined = block; each !== undefined; each = each.parent) {
    if (each === outer) return true
  }
  return false
}

/** The outermost loop around a block that the other block, which is around it too, is outside of. */
function outermostLoop(block: Nesting, around: Nesting | undefined): Nesting | undefined {
  let loop: Nesting | undefined
  for (let each: Nesting | undefined = block; each !== around; each = each?.parent) {
    if (each?.repeats) loop = each
  }
  return loop
}

/** Fields hold a local as an operand, or as its bare number. */
export function localOf(operand: unknown): Local | undefined {
  if (typeof operand === 'number') return operand
  const { type, value } = (operand ?? {}) as Partial<Operand>
  return type === 'local' ? (value as Local) : undefined
}
