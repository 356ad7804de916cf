import { PolicyError, PolicyErrorCode } from '../errors.ts'
import { type Block, DATA, INPUT, type Local, type Operand, type Statement } from '../plan/plan.ts'
import type { Value } from '../value/value.ts'
import {
  type Exit,
  FAILED,
  type Frame,
  NEXT,
  type Observer,
  outside,
  RETURN,
  type Running,
  read,
} from './frame.ts'
import {
  type Call,
  type DynamicCall,
  members,
  type Nested,
  type Scan,
  type With,
} from './nested-statements.ts'
import { callBuiltin } from './plan-builtins.ts'
import type { ProgramFunction } from './program.ts'
import { type Fields, SIMPLE_STATEMENTS } from './statements.ts'
import { upserted } from './upsert.ts'

/** Statements within statements and calls; a plan that nests deeper is refused. */
const NESTING_MAX = 1_000
/** Functions of so many operands, the input and the data, give the same throughout. */
const REMEMBERED_OPERANDS = 2

/** Runs one entrypoint of a plan, statement by statement, as OPA's modules do. */
export class Interpreter {
  readonly #running: Running
  readonly #observer: Observer | undefined
  /** What functions gave, by name; a `with` begins with none. */
  #remembered = new Map<string, Frame>()
  #depth = 0

  constructor(running: Running, observer?: Observer) {
    this.#running = running
    this.#observer = observer
  }

  /** Runs the blocks of an entrypoint; its results are then in `running`. */
  run(blocks: readonly Block[], input: Value | undefined, data: Value): void {
    const frame: Frame = { func: undefined, locals: [], returned: undefined }
    frame.locals[INPUT] = input
    frame.locals[DATA] = data
    this.#all(blocks, frame)
  }

  #all(blocks: readonly Block[], frame: Frame): Exit {
    for (const block of blocks) {
      const exit = outside(this.#block(block, frame))
      if (exit !== NEXT) return exit
    }
    return NEXT
  }

  #block({ stmts }: Block, frame: Frame): Exit {
    if (++this.#depth > NESTING_MAX) throw tooDeep()
    for (const statement of stmts ?? []) {
      this.#running.spend(1)
      this.#observer?.begins(frame, statement)
      const exit = this.#statement(statement, frame)
      this.#observer?.ran(frame, statement, exit)
      if (exit === NEXT) continue
      this.#depth--
      return exit
    }
    this.#depth--
    return NEXT
  }

  #statement(statement: Statement, frame: Frame): Exit {
    const simple = SIMPLE_STATEMENTS[statement.type]
    if (simple !== undefined)
      return simple(this.#running, frame, statement.stmt as unknown as Fields)
    const nested = statement.stmt as unknown as Nested
    switch (statement.type) {
      case 'BlockStmt':
        return this.#all(nested.blocks ?? [], frame)
      case 'NotStmt': {
        const exit = this.#block(nested.block, frame)
        return exit === NEXT ? FAILED : outside(exit)
      }
      case 'ScanStmt':
        return this.#scan(statement, frame)
      case 'WithStmt':
        return this.#with(statement, frame)
      case 'CallStmt':
        return this.#call(statement, frame)
      case 'CallDynamicStmt':
        return this.#callDynamic(statement, frame)
      default:
        throw new PolicyError(
          PolicyErrorCode.bundleMalformed,
          `the plan has a statement of the unknown type \`${statement.type}\``,
        )
    }
  }

  #scan(statement: Statement, frame: Frame): Exit {
    const { source, key, value, block } = statement.stmt as unknown as Scan
    const scanned = frame.locals[source]
    for (const [member, held] of members(scanned)) {
      this.#running.spend(1)
      frame.locals[key] = member
      frame.locals[value] = held
      this.#observer?.iterated(frame, statement)
      const exit = this.#block(block, frame)
      if (exit === NEXT || exit === FAILED) continue
      return outside(exit, 2)
    }
    return NEXT
  }

  #with(statement: Statement, frame: Frame): Exit {
    const { local, path, value, block } = statement.stmt as unknown as With
    const { program, spend } = this.#running
    const [before, remembered] = [frame.locals[local], this.#remembered]
    const given = read(this.#running, frame, value)
    const keys = (path ?? []).map((at) => program.strings[at] ?? '')
    this.#remembered = new Map()
    // What was saved before a `with` may have been undefined.
    if (keys.length === 0) frame.locals[local] = given
    else if (given !== undefined) frame.locals[local] = upserted(before, keys, given, spend)
    const exit = this.#block(block, frame)
    frame.locals[local] = before
    this.#remembered = remembered
    return exit === FAILED ? FAILED : outside(exit)
  }

  #call(statement: Statement, frame: Frame): Exit {
    const { func: name, args: given, result } = statement.stmt as unknown as Call
    const args = given ?? []
    const func = this.#running.program.functions.get(name)
    if (func !== undefined) {
      const operands = args.map((arg) => read(this.#running, frame, arg))
      return this.#function(statement, frame, { func, args, operands, result })
    }
    const operands = args.map((arg) => read(this.#running, frame, arg))
    const value = callBuiltin(name, operands, this.#running.evaluation)
    this.#observer?.called(frame, statement, { name, operands: args, value, remembered: false })
    if (this.#running.program.voids.has(name)) return NEXT
    frame.locals[result] = value
    return value === undefined ? FAILED : NEXT
  }

  #callDynamic(statement: Statement, frame: Frame): Exit {
    const { args: locals, path, result } = statement.stmt as unknown as DynamicCall
    const keys = path.map((part) => read(this.#running, frame, part))
    const func = this.#running.program.byPath.get(JSON.stringify(keys))
    if (func?.params.length !== locals.length) return FAILED
    const args = locals.map((value) => ({ type: 'local', value }) as const)
    const operands = locals.map((local) => frame.locals[local])
    const exit = this.#function(statement, frame, { func, args, operands, result })
    // What a rule does not define, the data does not define either.
    return exit === FAILED ? 3 : exit
  }

  #function(
    statement: Statement,
    caller: Frame,
    call: {
      readonly func: ProgramFunction
      readonly args: readonly Operand[]
      readonly operands: readonly (Value | undefined)[]
      readonly result: Local
    },
  ): Exit {
    const { func, args, operands, result } = call
    const remembers = func.params.length === REMEMBERED_OPERANDS
    const known = remembers ? this.#remembered.get(func.name) : undefined
    const frame = known ?? this.#enter(func, operands, caller, statement)
    const value = frame.returned
    if (remembers && value !== undefined) this.#remembered.set(func.name, frame)
    const called = { name: func.name, operands: args, value, remembered: known !== undefined }
    this.#observer?.called(caller, statement, { ...called, callee: frame })
    caller.locals[result] = value
    return value === undefined ? FAILED : NEXT
  }

  #enter(
    func: ProgramFunction,
    operands: readonly (Value | undefined)[],
    caller: Frame,
    statement: Statement,
  ): Frame {
    const frame: Frame = { func, locals: [], returned: undefined }
    for (const [at, param] of func.params.entries()) frame.locals[param] = operands[at]
    this.#observer?.entered(frame, caller, statement)
    for (const block of func.blocks) if (this.#block(block, frame) === RETURN) break
    return frame
  }
}

function tooDeep(): PolicyError {
  return new PolicyError(
    PolicyErrorCode.memoryExhausted,
    `the plan nests deeper than ${NESTING_MAX} statements: make the policy less deep`,
  )
}
