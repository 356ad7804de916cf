import { BuiltinError } from '../../builtins/builtin.ts'
import { type Piece, piecesOf, type Token } from './lexer.ts'
import type { TemplateNode } from './nodes.ts'
import { PipeParser } from './pipe-parser.ts'

/** The name of the whole. */
export const WHOLE = 'template'
/** Conditions and loops may stand within each other so deep. */
const DEPTH_MAX = 200

/** The templates of a text by their names. */
export type Templates = ReadonlyMap<string, readonly TemplateNode[]>

/** @throws {BuiltinError} */
export function parseTemplate(text: string): Templates {
  const parser = new Parser(piecesOf(text))
  parser.whole()
  return parser.templates
}

type End = 'end' | 'else' | 'eof'

class Parser {
  readonly templates = new Map<string, readonly TemplateNode[]>()
  readonly #pieces: readonly Piece[]
  #at = 0
  /** The variables that are known here; `$` is what the template was given. */
  #variables: string[] = ['$']
  #loops = 0
  #depth = 0

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces
  }

  whole(): void {
    const { nodes, end } = this.#list()
    if (end !== 'eof') throw new BuiltinError('an end or else of nothing')
    this.templates.set(WHOLE, nodes)
  }

  #list(): { nodes: TemplateNode[]; end: End; rest: readonly Token[] } {
    const nodes: TemplateNode[] = []
    for (;;) {
      const piece = this.#pieces[this.#at++]
      if (piece === undefined) return { nodes, end: 'eof', rest: [] }
      if ('text' in piece) {
        nodes.push({ kind: 'text', text: piece.text })
        continue
      }
      const tokens = trimmed(piece.tokens)
      const word = tokens[0]?.kind === 'word' ? tokens[0].text : ''
      const rest = trimmed(tokens.slice(1))
      if (word === 'end' && rest.length > 0) throw new BuiltinError('an end takes nothing')
      if (word === 'end' || word === 'else') return { nodes, end: word, rest }
      const node = this.#action(word, tokens, rest)
      if (node !== undefined) nodes.push(node)
    }
  }

  #action(
    word: string,
    tokens: readonly Token[],
    rest: readonly Token[],
  ): TemplateNode | undefined {
    switch (word) {
      case 'if':
      case 'with':
      case 'range':
        return this.#control(word, rest)
      case 'define':
        return this.#define(rest)
      case 'block': {
        const [name, ...input] = rest
        const call = this.#call(name, input)
        if (call.pipe === undefined) throw new BuiltinError('a block needs a value')
        this.#body(call.name)
        return call
      }
      case 'template': {
        const [name, ...input] = rest
        return this.#call(name, input)
      }
      case 'break':
      case 'continue':
        if (rest.length > 0) break
        if (this.#loops === 0) throw new BuiltinError(`a ${word} outside of a range`)
        return { kind: word }
      default:
    }
    return { kind: 'action', pipe: this.#pipe(tokens) }
  }

  #pipe(tokens: readonly Token[]): ReturnType<PipeParser['whole']> {
    const parser = new PipeParser(tokens, this.#variables)
    return parser.whole(false)
  }

  #control(kind: 'if' | 'with' | 'range', tokens: readonly Token[]): TemplateNode {
    if (++this.#depth > DEPTH_MAX) throw new BuiltinError('the template is nested too deep')
    const known = [...this.#variables]
    const pipe = new PipeParser(tokens, this.#variables).whole(kind === 'range')
    if (kind === 'range') this.#loops++
    const { nodes: body, end, rest } = this.#list()
    if (kind === 'range') this.#loops--
    const otherwise = end === 'else' ? this.#else(kind, rest) : []
    if (end === 'eof') throw new BuiltinError('an end is missing')
    this.#variables = known
    this.#depth--
    return { kind, pipe, body, otherwise }
  }

  #else(kind: string, rest: readonly Token[]): readonly TemplateNode[] {
    const [word] = rest
    if (word !== undefined) {
      const isSame = word.kind === 'word' && word.text === kind && kind !== 'range'
      if (!isSame) throw new BuiltinError('an else takes nothing, or another of its kind')
      return [this.#control(kind as 'if' | 'with', trimmed(rest.slice(1)))]
    }
    const { nodes, end } = this.#list()
    if (end !== 'end') throw new BuiltinError('an end is missing')
    return nodes
  }

  #define(rest: readonly Token[]): undefined {
    const [name] = rest
    if (name?.kind !== 'string' || rest.length > 1 || this.#depth > 0) {
      throw new BuiltinError('a definition needs a name, and stands outside of all others')
    }
    this.#body(name.text)
  }

  #body(name: string): void {
    const [known, loops] = [this.#variables, this.#loops]
    this.#variables = ['$']
    this.#loops = 0
    const { nodes, end } = this.#list()
    if (end !== 'end') throw new BuiltinError('an end is missing')
    this.#variables = known
    this.#loops = loops
    const before = this.templates.get(name)
    if (before === undefined || isEmpty(before)) this.templates.set(name, nodes)
    else if (!isEmpty(nodes)) throw new BuiltinError('a template that is defined twice')
  }

  #call(name: Token | undefined, rest: readonly Token[]): TemplateNode & { kind: 'template' } {
    if (name?.kind !== 'string') throw new BuiltinError('a template is called by its name')
    const input = trimmed(rest)
    const pipe = input.length === 0 ? undefined : this.#pipe(input)
    return { kind: 'template', name: name.text, pipe }
  }
}

function isEmpty(nodes: readonly TemplateNode[]): boolean {
  return nodes.every((node) => node.kind === 'text' && node.text.trim() === '')
}

function trimmed(tokens: readonly Token[]): readonly Token[] {
  const start = tokens[0]?.kind === 'space' ? 1 : 0
  const isSpaced = tokens.length > start && tokens.at(-1)?.kind === 'space'
  return tokens.slice(start, isSpaced ? -1 : undefined)
}
