import { BuiltinError } from '../../builtins/builtin.ts'
import type { Value } from '../../value/value.ts'
import { Constant, type Data, isList, isMap, isTrue, shownData } from './data.ts'
import { FUNCTIONS, type Spend } from './functions.ts'
import type { Operand, Pipe, TemplateNode } from './nodes.ts'
import { parseTemplate, type Templates, WHOLE } from './parser.ts'

/** Templates may call each other so often, one within the other. */
const CALLS_MAX = 500

/** Renders a template as Go's `text/template` does. @throws {BuiltinError} */
export function renderTemplate(text: string, data: Value, spend: Spend): string {
  spend(text.length * 64)
  const templates = parseTemplate(text)
  const renderer = new Renderer(templates, spend)
  renderer.call(WHOLE, data as Data, 0)
  return renderer.out
}

type Variable = { readonly name: string; value: Data }
/** How a list of nodes ended: at its end, or by a word of the loop around it. */
type Flow = 'next' | 'break' | 'continue'

class Renderer {
  out = ''
  readonly #templates: Templates
  readonly #spend: Spend
  #variables: Variable[] = []
  #calls = 0

  constructor(templates: Templates, spend: Spend) {
    this.#templates = templates
    this.#spend = spend
  }

  call(name: string, data: Data, calls: number): void {
    const nodes = this.#templates.get(name)
    if (nodes === undefined || calls > CALLS_MAX) {
      throw new BuiltinError('a template that is not there, or calls itself without end')
    }
    const [variables, before] = [this.#variables, this.#calls]
    this.#variables = [{ name: '$', value: data }]
    this.#calls = calls
    this.#list(nodes, data)
    this.#variables = variables
    this.#calls = before
  }

  #list(nodes: readonly TemplateNode[], dot: Data): Flow {
    for (const node of nodes) {
      this.#spend(64)
      const flow = this.#node(node, dot)
      if (flow !== 'next') return flow
    }
    return 'next'
  }

  #node(node: TemplateNode, dot: Data): Flow {
    switch (node.kind) {
      case 'text':
        this.#write(node.text)
        return 'next'
      case 'action': {
        const value = this.#pipe(node.pipe, dot)
        if (node.pipe.variables.length === 0)
          this.#write(value === undefined || value === null ? '<no value>' : shownData(value))
        return 'next'
      }
      case 'template':
        this.call(node.name, node.pipe && this.#pipe(node.pipe, dot), this.#calls + 1)
        return 'next'
      case 'if':
      case 'with':
      case 'range':
        return this.#control(node, dot)
      default:
        return node.kind
    }
  }

  #write(text: string): void {
    this.#spend(text.length)
    this.out += text
  }

  #control(node: TemplateNode & { kind: 'if' | 'with' | 'range' }, dot: Data): Flow {
    const known = this.#variables.length
    const value = this.#pipe(node.pipe, dot)
    let flow: Flow = 'next'
    if (node.kind === 'range') flow = this.#range(node, value, dot)
    else if (isTrue(value)) flow = this.#list(node.body, node.kind === 'with' ? value : dot)
    else flow = this.#list(node.otherwise, dot)
    this.#variables.length = known
    return flow
  }

  #range(node: TemplateNode & { kind: 'range' | 'if' | 'with' }, value: Data, dot: Data): Flow {
    if (value instanceof Constant) this.#spend(value.value * 64)
    const entries = entriesOf(value)
    if (entries.length === 0) return this.#list(node.otherwise, dot)
    const known = this.#variables.length
    for (const [key, item] of entries) {
      this.#spend(64)
      this.#bind(node.pipe, key, item)
      const flow = this.#list(node.body, item)
      this.#variables.length = known
      if (flow === 'break') break
    }
    return 'next'
  }

  /** One variable of a range is the element, of two the first is its key. */
  #bind({ variables, assigns }: Pipe, key: Data, item: Data): void {
    const values = variables.length > 1 ? [key, item] : [item]
    for (const [at, name] of variables.entries()) {
      if (assigns) this.#assign(name, values[at])
      else this.#variables.push({ name, value: values[at] })
    }
  }

  #assign(name: string, value: Data): void {
    const variable = this.#variables.findLast((known) => known.name === name)
    if (variable !== undefined) variable.value = value
  }

  #pipe(pipe: Pipe, dot: Data): Data {
    let value: Data
    for (const [at, command] of pipe.commands.entries()) {
      value = this.#command(command, dot, at > 0 ? [value] : [])
    }
    for (const name of pipe.variables) {
      if (pipe.assigns) this.#assign(name, value)
      else this.#variables.push({ name, value })
    }
    return value
  }

  #command(operands: readonly Operand[], dot: Data, last: readonly Data[]): Data {
    const [first, ...rest] = operands
    if (first?.kind !== 'function') {
      if (first === undefined || first.kind === 'nil' || rest.length + last.length > 0) {
        throw new BuiltinError('what is no function takes no operands')
      }
      return this.#value(first, dot)
    }
    const { name } = first
    if (name === 'and' || name === 'or') {
      if (rest.length + last.length > 0) return this.#first(name, rest, dot, last)
      throw new BuiltinError('a function without operands')
    }
    const values = [...rest.map((operand) => this.#value(operand, dot)), ...last]
    return FUNCTIONS.get(name)?.(values, this.#spend)
  }

  #first(name: 'and' | 'or', operands: readonly Operand[], dot: Data, last: readonly Data[]): Data {
    let value: Data
    for (const operand of operands) {
      value = this.#value(operand, dot)
      if (isTrue(value) === (name === 'or')) return value
    }
    return last.length > 0 ? last[0] : value
  }

  #value(operand: Operand, dot: Data): Data {
    switch (operand.kind) {
      case 'dot':
        return dot
      case 'nil':
        return null
      case 'constant':
        return operand.value
      case 'field':
        return fieldsOf(dot, operand.names)
      case 'variable': {
        const variable = this.#variables.findLast(({ name }) => name === operand.name)
        return fieldsOf(variable?.value, operand.names)
      }
      case 'pipe':
        return fieldsOf(this.#pipe(operand.pipe, dot), operand.names)
      default:
        return this.#command([operand], dot, [])
    }
  }
}

/** What is not there has no fields, and neither has `null`: only asking the latter is an error. */
function fieldsOf(data: Data, names: readonly string[]): Data {
  return names.reduce<Data>((held, name) => {
    if (held === undefined) return undefined
    if (!isMap(held)) throw new BuiltinError('a value without fields')
    return held.get(name)
  }, data)
}

function entriesOf(data: Data): (readonly [key: Data, item: Data])[] {
  if (isList(data)) return data.map((item, at) => [new Constant('int', at), item])
  if (isMap(data)) return [...data].map(([key, item]) => [String(key), item])
  if (data === undefined || data === null) return []
  if (data instanceof Constant && data.type === 'int') {
    return Array.from({ length: Math.max(data.value, 0) }, (_, at) => {
      const number = new Constant('int', at)
      return [number, number] as const
    })
  }
  throw new BuiltinError('a value that cannot be ranged over')
}
