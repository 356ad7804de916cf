import { HELD } from '../labels/held.ts'
import {
  type Definition,
  Definitions,
  localOf,
  type PlacedStatement,
  type Position,
  placedStatements,
} from './definitions.ts'
import type { Place, Places } from './places.ts'
import type { Local, Operand, PlanFunction } from './plan.ts'

/** A function from outside: where its operands go and where its value comes from. */
export interface Callable {
  readonly params: readonly Place[]
  readonly returned: Place
}

export interface FlowContext {
  readonly places: Places
  readonly strings: readonly string[]
  /** The functions of the plan; any other name is a built-in. */
  readonly callable: (name: string) => Callable | undefined
  /** The functions that a path of data can lead to. */
  readonly dynamic: (path: readonly Operand[]) => readonly Callable[]
  /** Something that can't be followed may look at everything. */
  readonly lookAtAll: () => void
}

/** Whose operands are looked at, by the type of the statement. */
const LOOKS_AT: Readonly<Record<string, readonly string[]>> = {
  ArrayAppendStmt: ['value'],
  EqualStmt: ['a', 'b'],
  LenStmt: ['source'],
  NotEqualStmt: ['a', 'b'],
  ObjectInsertOnceStmt: ['key', 'value'],
  ObjectInsertStmt: ['key', 'value'],
  ObjectMergeStmt: ['a', 'b'],
  ResultSetAddStmt: ['value'],
  ScanStmt: ['source'],
  SetAddStmt: ['value'],
  // Whether there is a value, and whether it is an array, object or set, shows in every part.
  AssignIntStmt: [],
  BlockStmt: [],
  BreakStmt: [],
  IsArrayStmt: [],
  IsDefinedStmt: [],
  IsObjectStmt: [],
  IsSetStmt: [],
  IsUndefinedStmt: [],
  MakeArrayStmt: [],
  MakeNullStmt: [],
  MakeNumberIntStmt: [],
  MakeNumberRefStmt: [],
  MakeObjectStmt: [],
  MakeSetStmt: [],
  NopStmt: [],
  NotStmt: [],
  ResetLocalStmt: [],
}

/** How values go from local to local within one function. */
export class FunctionFlow {
  readonly #context: FlowContext
  readonly #self: Callable
  readonly #params: readonly Local[]
  readonly #statements: readonly PlacedStatement[]
  readonly #definitions: Definitions
  readonly #places = new Map<Definition, Place>()
  /** Arrays that are made of constant strings alone; undefined those that are not. */
  readonly #arrays = new Map<Definition, string[] | undefined>()

  constructor(
    { params, blocks }: Pick<PlanFunction, 'params' | 'blocks'>,
    self: Callable,
    context: FlowContext,
  ) {
    this.#context = context
    this.#self = self
    this.#params = params
    this.#statements = placedStatements(blocks)
    this.#definitions = new Definitions(this.#statements)
  }

  /** Tells the places of the context where values go. */
  follow(): void {
    for (const statement of this.#statements) this.#add(statement)
  }

  #add(statement: PlacedStatement): void {
    const { type, stmt, at } = statement
    switch (type) {
      case 'DotStmt':
        this.#addLookup(statement)
        break
      case 'CallStmt':
        this.#addCall(statement)
        break
      case 'CallDynamicStmt':
        this.#addDynamicCall(statement)
        break
      case 'WithStmt':
        this.#addWith(statement)
        break
      case 'AssignVarOnceStmt':
        this.#addCompared(statement)
        this.#move(stmt['source'], at, this.#written(stmt['target'], at))
        break
      case 'AssignVarStmt':
        this.#move(stmt['source'], at, this.#written(stmt['target'], at))
        break
      case 'ReturnLocalStmt':
        this.#move(stmt['source'], at, this.#self.returned)
        break
      default:
        this.#addOther(statement)
    }
  }

  #addLookup({ at, stmt: { source, key, target } }: PlacedStatement): void {
    const constant = this.#stringOf(key)
    if (constant === undefined) {
      this.#lookAt(source, at)
      this.#lookAt(key, at)
    } else {
      this.#move(source, at, this.#written(target, at), [constant])
    }
  }

  #addCall({ at, stmt: { func, args, result } }: PlacedStatement): void {
    const operands = (args ?? []) as readonly Operand[]
    const target = this.#written(result, at)
    const callee = this.#context.callable(String(func))
    if (callee !== undefined) {
      for (const [index, operand] of operands.entries()) {
        const param = callee.params[index]
        if (param !== undefined) this.#move(operand, at, param)
      }
      this.#context.places.move(callee.returned, target)
    } else if (func === 'object.get') {
      this.#addGet(operands, at, target)
    } else if (func === HELD) {
      // It only hands the value on.
      this.#move(operands[1], at, target)
    } else {
      for (const operand of operands) this.#lookAt(operand, at)
    }
  }

  /** Of what such a call is given, the locals are bare numbers. */
  #addDynamicCall({ at, stmt: { args, path, result } }: PlacedStatement): void {
    const target = this.#written(result, at)
    const parts = path as readonly Operand[]
    for (const part of parts) this.#lookAt(part, at)
    for (const { params, returned } of this.#context.dynamic(parts)) {
      for (const [index, local] of (args as readonly Local[]).entries()) {
        const param = params[index]
        if (param !== undefined) this.#move(local, at, param)
      }
      this.#context.places.move(returned, target)
    }
  }

  /** `object.get(object, key or path, default)` looks up, as a reference does. */
  #addGet([object, key, otherwise]: readonly Operand[], at: Position, target: Place): void {
    const constant = this.#stringOf(key)
    const keys = constant === undefined ? this.#constantsOf(key, at) : [constant]
    this.#lookAt(otherwise, at)
    if (keys === undefined) {
      this.#lookAt(object, at)
      this.#lookAt(key, at)
    } else {
      this.#move(object, at, target, keys)
    }
  }

  /** The whole document is replaced by another value, or a part of it by one that is looked at. */
  #addWith({ at, stmt: { local, path, value } }: PlacedStatement): void {
    if (Array.isArray(path) && path.length > 0) this.#lookAt(value, at)
    else this.#move(value, at, this.#written(local, at))
  }

  /** A second value is compared with the first: where they differ, a rule has two. */
  #addCompared({ at, stmt: { source, target } }: PlacedStatement): void {
    for (const earlier of this.#definitions.reaching(target as Local, at)) {
      if (earlier.empty) continue
      this.#placeOf(earlier).lookedAt = true
      this.#lookAt(source, at)
      return
    }
  }

  #addOther({ type, stmt, at }: PlacedStatement): void {
    const operands = LOOKS_AT[type]
    if (operands === undefined) {
      this.#context.lookAtAll()
      return
    }
    for (const operand of operands) this.#lookAt(stmt[operand], at)
    if (type === 'MakeArrayStmt') this.#startArray(stmt['target'] as Local, at)
    if (type === 'ArrayAppendStmt') this.#appendTo(stmt['array'] as Local, stmt['value'], at)
  }

  #startArray(local: Local, at: Position): void {
    const definition = this.#definitions.by(local, at)
    if (definition !== undefined) this.#arrays.set(definition, [])
  }

  #appendTo(local: Local, value: unknown, at: Position): void {
    const text = this.#stringOf(value)
    for (const definition of this.#definitions.reaching(local, at)) {
      const array = this.#arrays.get(definition)
      // Appended to in a loop, or to one of several, it is no constant.
      const once = definition.at.block === at.block
      if (text === undefined || !once) this.#arrays.set(definition, undefined)
      else array?.push(text)
    }
  }

  #constantsOf(operand: unknown, at: Position): readonly string[] | undefined {
    const local = localOf(operand)
    if (local === undefined) return undefined
    const [definition, another] = this.#definitions.reaching(local, at)
    return definition === undefined || another ? undefined : this.#arrays.get(definition)
  }

  #move(source: unknown, at: Position, to: Place, keys?: readonly string[]): void {
    for (const from of this.#read(source, at)) this.#context.places.move(from, to, keys)
  }

  #lookAt(operand: unknown, at: Position): void {
    for (const place of this.#read(operand, at)) place.lookedAt = true
  }

  /** The places that an operand can have its value from. */
  *#read(operand: unknown, at: Position): Generator<Place> {
    const local = localOf(operand)
    if (local === undefined) return
    for (const definition of this.#definitions.reaching(local, at)) yield this.#placeOf(definition)
    const param = this.#self.params[this.#params.indexOf(local)]
    if (param !== undefined) yield param
  }

  #written(local: unknown, at: Position): Place {
    const definition = this.#definitions.by(local as Local, at)
    return definition === undefined ? this.#context.places.add() : this.#placeOf(definition)
  }

  #placeOf(definition: Definition): Place {
    let place = this.#places.get(definition)
    if (place === undefined) {
      place = this.#context.places.add()
      this.#places.set(definition, place)
    }
    return place
  }

  #stringOf(operand: unknown): string | undefined {
    const { type, value } = operand as Operand
    return type === 'string_index' ? this.#context.strings[value as number] : undefined
  }
}
