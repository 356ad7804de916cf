import type { Local, Operand, Statement } from '../plan/plan.ts'
import { isArray, type Value } from '../value/value.ts'
import { derivedOrigin, lengthOrigin, tellWants } from './derived.ts'
import { type Called, type Exit, FAILED, type Frame, NEXT, type Observer } from './frame.ts'
import { isCollection } from './made-values.ts'
import type { Origin } from './origin.ts'
import type { Program } from './program.ts'
import { type Given, Provenance, type Witnessed } from './provenance.ts'
import type { Fields } from './statements.ts'
import { Wants } from './wants.ts'

/** Learns where values come from, and what conditions want of the input. */
export class Witness implements Observer {
  readonly wants = new Wants()
  readonly #provenance: Provenance
  /** What `with` stands in the place of. */
  readonly #replaced: (Origin | undefined)[] = []

  constructor(program: Program) {
    this.#provenance = new Provenance(program)
  }

  of(frame: Frame, operand: Operand | Local): Witnessed {
    return this.#provenance.of(frame, operand)
  }

  entered(frame: Frame, caller: Frame, { stmt }: Statement): void {
    const args = (stmt['args'] ?? []) as readonly (Operand | Local)[]
    for (const [at, param] of (frame.func?.params ?? []).entries()) {
      const arg = args[at]
      if (arg !== undefined) this.#provenance.gives(frame, param, this.of(caller, arg))
    }
  }

  begins(frame: Frame, { type, stmt }: Statement): void {
    if (type === 'WithStmt') {
      const { local, path, value } = stmt as { local: Local; path?: unknown[]; value: Operand }
      this.#replaced.push(this.of(frame, local).origin)
      this.#provenance.gives(frame, local, path?.length ? {} : this.of(frame, value))
    } else if (type === 'ScanStmt') {
      const { value, origin } = this.of(frame, stmt['source'] as Local)
      if (origin === undefined) return
      this.#provenance.scans(frame, origin)
      if (!isCollection(value)) this.wants.be(origin, [])
    }
  }

  iterated(frame: Frame, { stmt }: Statement): void {
    const { source, key, value } = stmt as { source: Local; key: Local; value: Local }
    this.#provenance.gives(frame, key, {})
    const found = { origin: this.#provenance.below(frame, source, frame.locals[key]) }
    this.#provenance.gives(frame, value, found)
  }

  called(caller: Frame, { stmt }: Statement, call: Called): void {
    const result = stmt['result'] as Local
    const { callee, value } = call
    if (callee?.func !== undefined) {
      const { origin, given } = this.of(callee, callee.func.return)
      this.#provenance.gives(caller, result, { origin, given })
      if (origin === undefined) this.#provenance.makes(callee, value)
      return
    }
    const operands = call.operands.map((operand) => this.of(caller, operand))
    const given: Given = { name: call.name, operands }
    this.#provenance.gives(caller, result, { origin: derivedOrigin(given), given })
    tellWants(this.wants, given, value, (collection) =>
      this.#provenance.feedsOf(caller, collection),
    )
  }

  ran(frame: Frame, { type, stmt }: Statement, exit: Exit): void {
    const { a, b, source, target, key, value, array, object, set } = stmt as unknown as Fields
    switch (type) {
      case 'AssignVarStmt':
      case 'AssignVarOnceStmt':
        this.#provenance.gives(frame, target, this.of(frame, source))
        return
      case 'DotStmt':
        this.#looked(frame, { source, key, target }, exit)
        return
      case 'NotEqualStmt':
        // A value that is a condition by itself, and is false.
        if (this.of(frame, b).value === false) {
          if (exit === FAILED) this.wants.be(this.of(frame, a).origin, true)
          return
        }
        this.#compared(this.of(frame, a), this.of(frame, b), exit === FAILED)
        return
      case 'EqualStmt':
        this.#compared(this.of(frame, a), this.of(frame, b), exit === NEXT)
        return
      case 'LenStmt':
        this.#counted(frame, target, this.of(frame, source))
        return
      case 'IsArrayStmt':
      case 'IsObjectStmt':
        if (exit === FAILED) {
          const empty: Value = type === 'IsArrayStmt' ? [] : new Map()
          this.wants.be(this.of(frame, source).origin, empty)
        }
        return
      case 'ArrayAppendStmt': {
        const made = frame.locals[array]
        if (made !== undefined && isArray(made))
          this.#provenance.holds(frame, made, made.length - 1, value)
        return
      }
      case 'ObjectInsertStmt':
      case 'ObjectInsertOnceStmt':
        this.#provenance.holds(frame, frame.locals[object], this.of(frame, key).value, value)
        return
      case 'SetAddStmt':
        this.#provenance.holds(frame, frame.locals[set], this.of(frame, value).value, value)
        return
      case 'WithStmt':
        this.#provenance.gives(frame, stmt['local'] as Local, { origin: this.#replaced.pop() })
        return
      default:
        // The others that have a target make a constant there.
        if (Object.hasOwn(stmt, 'target')) this.#provenance.gives(frame, target, {})
    }
  }

  #looked(
    frame: Frame,
    { source, key, target }: Pick<Fields, 'source' | 'key' | 'target'>,
    exit: Exit,
  ): void {
    const [container, at] = [this.of(frame, source), this.of(frame, key)]
    const origin = this.#provenance.below(frame, source, at.value)
    this.#provenance.gives(frame, target, exit === NEXT ? { origin } : {})
    if (exit === NEXT) this.wants.lack(origin)
    else this.wants.exist(origin)
    // What is looked up may be a table: its keys are what there could be.
    if (at.origin !== undefined && container.value instanceof Map) {
      this.wants.beOneOf(at.origin, container.value.keys())
    }
  }

  #counted(frame: Frame, target: Local, collection: Witnessed): void {
    const given = { name: 'count', operands: [collection] }
    this.#provenance.gives(frame, target, { origin: lengthOrigin(collection), given })
  }

  #compared(a: Witnessed, b: Witnessed, areSame: boolean): void {
    if (areSame) {
      this.wants.differ(a)
      this.wants.differ(b)
    } else {
      this.wants.be(a.origin, b.value)
      this.wants.be(b.origin, a.value)
    }
  }
}
