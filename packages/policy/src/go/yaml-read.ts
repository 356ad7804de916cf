import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  parseAllDocuments,
  type Scalar,
  type YAMLMap,
} from 'yaml'
import { BuiltinError } from '../builtins/builtin.ts'
import { objectOf } from '../value/compare.ts'
import type { Value } from '../value/value.ts'
import { withIndents } from './yaml-indent.ts'
import { keyOfScalar, valueOfScalar } from './yaml-scalar.ts'

/** What no YAML may hold as it is. */
const FORBIDDEN = /[^\t\n\r\u0020-\u007e\u0085\u00a0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u
/** A document that ends before it has begun. */
const NOTHING_ENDED = /^(?:[ \t]*(?:#[^\n]*)?\n)*\.\.\.(?:\s|$)/
/** What a character of YAML costs to read, and what one that begins or ends something does. */
const UNITS_PER_CHARACTER = 16
const UNITS_PER_MARK = 1_500
/** What it costs to make a value of a node, which aliases can ask for again and again. */
const UNITS_PER_NODE = 256

/**
 * The first document of a text of YAML, as OPA turns it into JSON; the others must be well-formed.
 * @throws {BuiltinError}
 */
export function readYaml(text: string, spend: (units: number) => void): Value {
  if (FORBIDDEN.test(text)) throw new BuiltinError('control characters have no place in YAML')
  const marks = text.match(/[\n:,[\]{}]/g)?.length ?? 0
  spend(text.length * UNITS_PER_CHARACTER + marks * UNITS_PER_MARK)
  const root = firstRoot(text)
  return root === null ? null : new Reader(root, text, spend).value(root)
}

function firstRoot(text: string): Node | null {
  const documents = parsed(text)
  for (const [at, { warnings, directives }] of documents.entries()) {
    const { explicit, version } = directives.yaml
    const isVersion = explicit !== true || version === '1.1'
    const isKnown = !warnings.some(({ code }) => code === 'BAD_DIRECTIVE')
    if (!(isVersion && isKnown)) throw new BuiltinError('a directive that go-yaml does not know')
    if (at > 0 && directives.docStart !== true) {
      throw new BuiltinError('a document must begin with ---')
    }
  }
  const [first] = documents
  if (NOTHING_ENDED.test(text) || (first === undefined && /^%/m.test(text))) {
    throw new BuiltinError('there is no document')
  }
  return first?.contents ?? null
}

/** @throws {BuiltinError} */
function parsed(text: string): Document.Parsed[] {
  const documents = documentsOf(text)
  if (faultOf(documents) === undefined) return documents
  const indented = documentsOf(withIndents(text))
  const cause = faultOf(indented)
  if (cause !== undefined) throw new BuiltinError('the text is no YAML', { cause })
  return indented
}

function faultOf(documents: readonly Document.Parsed[]): Error | undefined {
  return documents.flatMap(({ errors }) => errors)[0]
}

function documentsOf(text: string): Document.Parsed[] {
  try {
    return [
      ...parseAllDocuments(text, {
        schema: 'failsafe',
        resolveKnownTags: false,
        uniqueKeys: false,
        prettyErrors: false,
        logLevel: 'silent',
      }),
    ]
  } catch (cause) {
    throw new BuiltinError('the text is no YAML that can be read', { cause })
  }
}

class Reader {
  readonly #spend: (units: number) => void
  /** Where a text ends without a line break: a block that ends there has none either. */
  readonly #unendedAt: number | undefined
  readonly #targets = new Map<Node, Node>()
  /** The nodes around the one that is read: none of them may be in itself. */
  readonly #around = new Set<Node>()

  constructor(root: Node, text: string, spend: (units: number) => void) {
    this.#spend = spend
    this.#unendedAt = /\S[^\r\n]*$/.test(text) ? text.length : undefined
    this.#findTargets(root, new Map())
  }

  value(node: unknown): Value {
    this.#spend(UNITS_PER_NODE)
    if (node === null || node === undefined) return null
    const target = this.#target(node as Node)
    if (isScalar(target)) return this.#scalar(target)
    if (!(isMap(target) || isSeq(target))) throw new BuiltinError('a node that is no value')
    if (this.#around.has(target)) throw new BuiltinError('an anchor is part of itself')
    this.#around.add(target)
    const value = isSeq(target)
      ? target.items.map((item) => this.value(item))
      : objectOf(this.#entries(target))
    this.#around.delete(target)
    return value
  }

  #scalar(node: Scalar): Value {
    const value = valueOfScalar(node)
    const isBlock = node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED'
    const isUnended = isBlock && node.range?.[1] === this.#unendedAt
    return isUnended && typeof value === 'string' ? value.replace(/\n$/, '') : value
  }

  /** An alias means the last node before it that has its anchor. */
  #findTargets(node: unknown, anchors: Map<string, Node>): void {
    if (isAlias(node)) {
      const target = anchors.get(node.source)
      if (target === undefined) throw new BuiltinError('an alias of nothing')
      this.#targets.set(node, target)
      return
    }
    if (!(isScalar(node) || isMap(node) || isSeq(node))) return
    if (node.anchor !== undefined) anchors.set(node.anchor, node)
    if (isSeq(node)) for (const item of node.items) this.#findTargets(item, anchors)
    if (!isMap(node)) return
    for (const { key, value } of node.items) {
      this.#findTargets(key, anchors)
      this.#findTargets(value, anchors)
    }
  }

  #target(node: Node): Node {
    return this.#targets.get(node) ?? node
  }

  /** Of equal keys the last counts; what is merged in counts less, and the first of it most. */
  #entries(map: YAMLMap): Map<string, Value> {
    const own = new Map<string, unknown>()
    const merged: YAMLMap[] = []
    for (const { key, value } of map.items) {
      if (isMergeKey(key)) merged.push(...this.#sources(value as Node | null))
      else own.set(this.#key(key as Node | null), value)
    }
    const entries = new Map<string, Value>()
    for (const [key, value] of own) entries.set(key, this.value(value))
    for (const source of merged) {
      for (const [key, value] of this.#mergedEntries(source)) {
        if (!entries.has(key)) entries.set(key, value)
      }
    }
    return entries
  }

  #mergedEntries(source: YAMLMap): Map<string, Value> {
    this.#spend(UNITS_PER_NODE)
    if (this.#around.has(source)) throw new BuiltinError('an anchor is part of itself')
    this.#around.add(source)
    const entries = this.#entries(source)
    this.#around.delete(source)
    return entries
  }

  #key(node: Node | null): string {
    const target = node === null ? null : this.#target(node)
    if (target === null || !isScalar(target)) throw new BuiltinError('a key that is no scalar')
    return keyOfScalar(target)
  }

  #sources(node: Node | null): YAMLMap[] {
    const target = node === null ? null : this.#target(node)
    if (isMap(target)) return [target]
    if (!isSeq(target)) throw new BuiltinError('only maps can be merged')
    return target.items.map((item) => {
      const source = this.#target(item as Node)
      if (!isMap(source)) throw new BuiltinError('only maps can be merged')
      return source
    })
  }
}

function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.type === 'PLAIN' && key.tag === undefined && key.value === '<<'
}
