import { BuiltinError } from '../../builtins/builtin.ts'
import { Constant } from './data.ts'
import { FUNCTIONS } from './functions.ts'
import { type Token, unquoted } from './lexer.ts'
import type { Operand, Pipe } from './nodes.ts'

/** Words that begin an action, and are no functions. */
const KEYWORDS = new Set([
  'if',
  'else',
  'end',
  'range',
  'with',
  'define',
  'template',
  'block',
  'break',
  'continue',
])

/** Brackets may stand within each other so deep. */
const DEPTH_MAX = 200

/** Reads the tokens of a pipe. */
export class PipeParser {
  readonly #tokens: readonly Token[]
  readonly #variables: string[]
  #at = 0
  #depth = 0

  /** Variables that the pipe declares are added to those that are known. */
  constructor(tokens: readonly Token[], variables: string[]) {
    this.#tokens = tokens
    this.#variables = variables
  }

  whole(isRange: boolean): Pipe {
    const pipe = this.#pipe(isRange, undefined)
    if (this.#at < this.#tokens.length) throw new BuiltinError('a pipe goes on where it should end')
    return pipe
  }

  #pipe(isRange: boolean, end: ')' | undefined): Pipe {
    const declared = this.#declaration(isRange)
    const commands: Operand[][] = []
    for (;;) {
      commands.push(this.#command(end))
      // A pipe may end in a bar that leads nowhere.
      if (!this.#takes('|') || this.#isAtEnd(end)) break
    }
    for (const [at, [first]] of commands.entries()) {
      if (
        at > 0 &&
        first?.kind !== 'function' &&
        first?.kind !== 'field' &&
        first?.kind !== 'variable'
      ) {
        throw new BuiltinError('a value in a pipe goes to what is no function')
      }
    }
    if (declared !== undefined && !declared.assigns) this.#variables.push(...declared.variables)
    return { variables: declared?.variables ?? [], assigns: declared?.assigns ?? false, commands }
  }

  /** Reads `$a := `, `$a = ` and, of a range, `$key, $value := `. */
  #declaration(isRange: boolean): { variables: string[]; assigns: boolean } | undefined {
    const start = this.#at
    const variables: string[] = []
    this.#skipSpace()
    for (;;) {
      const token = this.#tokens[this.#at]
      if (token?.kind !== 'variable') break
      this.#at++
      this.#skipSpace()
      variables.push(token.text)
      if (!(isRange && variables.length === 1 && this.#takes(','))) break
      this.#skipSpace()
    }
    const mark = this.#tokens[this.#at]
    const isDeclared = mark?.kind === 'mark' && (mark.text === ':=' || mark.text === '=')
    if (variables.length === 0 || !isDeclared) {
      if (variables.length > 1) throw new BuiltinError('variables without a value')
      this.#at = start
      return undefined
    }
    this.#at++
    const assigns = mark.text === '='
    if (assigns) for (const name of variables) this.#known(name)
    return { variables, assigns }
  }

  #command(end: ')' | undefined): Operand[] {
    const operands: Operand[] = []
    for (;;) {
      this.#skipSpace()
      const token = this.#tokens[this.#at]
      if (token === undefined) {
        if (end !== undefined) throw new BuiltinError('a bracket that is not closed')
        break
      }
      if (token.kind === 'mark' && (token.text === '|' || token.text === end)) break
      operands.push(this.#operand(token))
    }
    const [first] = operands
    if (first === undefined) throw new BuiltinError('a command that is empty')
    return operands
  }

  #operand(token: Token): Operand {
    this.#at++
    switch (token.kind) {
      case 'field':
        return { kind: 'field', names: [token.text, ...this.#names()] }
      case 'variable':
        this.#known(token.text)
        return { kind: 'variable', name: token.text, names: this.#names() }
      case 'string':
        return { kind: 'constant', value: token.text }
      case 'number':
        return { kind: 'constant', value: numberOf(token.text) }
      case 'word':
        return this.#word(token.text)
      default:
    }
    if (token.text === '.') return { kind: 'dot' }
    if (token.text !== '(') throw new BuiltinError('a mark where a value should be')
    if (++this.#depth > DEPTH_MAX) throw new BuiltinError('brackets that are nested too deep')
    const pipe = this.#pipe(false, ')')
    this.#depth--
    if (!this.#takes(')')) throw new BuiltinError('a bracket that is not closed')
    return { kind: 'pipe', pipe, names: this.#names() }
  }

  #word(word: string): Operand {
    if (word === 'true' || word === 'false') return { kind: 'constant', value: word === 'true' }
    if (word === 'nil') return { kind: 'nil' }
    if (KEYWORDS.has(word) || !FUNCTIONS.has(word))
      throw new BuiltinError('a function that is not known')
    return { kind: 'function', name: word }
  }

  #names(): string[] {
    const names: string[] = []
    for (; this.#tokens[this.#at]?.kind === 'field'; this.#at++) {
      names.push(this.#tokens[this.#at]?.text ?? '')
    }
    return names
  }

  #known(name: string): void {
    if (!this.#variables.includes(name)) throw new BuiltinError('a variable that is not known')
  }

  #isAtEnd(end: ')' | undefined): boolean {
    this.#skipSpace()
    const token = this.#tokens[this.#at]
    return token === undefined || (token.kind === 'mark' && token.text === end)
  }

  #skipSpace(): void {
    while (this.#tokens[this.#at]?.kind === 'space') this.#at++
  }

  #takes(mark: string): boolean {
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'mark' || token.text !== mark) return false
    this.#at++
    return true
  }
}

function numberOf(text: string): Constant {
  if (text.startsWith("'")) {
    const character = unquoted(text)
    if ([...character].length !== 1) throw new BuiltinError('a character is one character')
    return new Constant('int', character.codePointAt(0) ?? 0)
  }
  const plain = text.replaceAll('_', '')
  if (/[.eE]/.test(plain) && !/^[-+]?0x/i.test(plain)) return new Constant('float', Number(plain))
  const [, sign, digits = ''] = /^([-+]?)(.*)$/.exec(plain) ?? []
  const size = Number(/^0\d/.test(digits) ? `0o${digits}` : digits)
  if (!Number.isSafeInteger(size)) throw new BuiltinError('an integer that is too large')
  return new Constant('int', sign === '-' ? -size : size)
}
