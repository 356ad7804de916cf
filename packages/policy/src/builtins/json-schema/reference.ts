import { parseUrl } from '../../go/url.ts'
import type { Json } from './json.ts'
import { SchemaError } from './schema-error.ts'

/** A reference that Go can read, else what it says of it. @throws {SchemaError} */
export function checkedReference(reference: string): string {
  if (parseUrl(reference) === undefined) {
    throw new SchemaError(`parse ${JSON.stringify(reference)}: invalid URI`)
  }
  return canonical(reference)
}

/** A reference as the documents of a schema are known by: an empty fragment is none. */
export function canonical(reference: string): string {
  return reference.endsWith('#') ? reference.slice(0, -1) : reference
}

/** A reference seen from a document. */
export function resolved(base: string, reference: string): string {
  const [document = ''] = base.split('#')
  const [path = '', fragment] = cut(reference)
  const hash = fragment === undefined || fragment === '' ? '' : `#${fragment}`
  if (path === '') return document + hash
  if (parseUrl(path)?.scheme !== '') return path + hash
  const root = parseUrl(document)
  if (root !== undefined && root.host !== '' && URL.canParse(path, document)) {
    return new URL(path, document).href + hash
  }
  return `/${joined(document, path)}${hash}`
}

/** Where a reference points to in its document. */
export function pointerOf(reference: string): readonly string[] {
  const fragment = parseUrl(reference)?.fragment ?? ''
  return fragment.startsWith('/') ? fragment.slice(1).split('/') : []
}

export function withoutFragment(reference: string): string {
  return reference.split('#')[0] ?? ''
}

/** Whether a reference says by itself where its document is. */
export function isFull(reference: string): boolean {
  const url = parseUrl(reference)
  if (url === undefined) return false
  return url.scheme === 'file' ? url.path.startsWith('/') : url.scheme !== '' && url.host !== ''
}

/** @throws {SchemaError} where the pointer leads to nothing */
export function follow(document: Json, pointer: readonly string[]): Json {
  let node = document
  for (const token of pointer) {
    if (node instanceof Map) {
      const key = token.replaceAll('~1', '/').replaceAll('~0', '~')
      const next = node.get(key)
      if (next === undefined) throw new SchemaError(`Object has no key '${key}'`)
      node = next
    } else if (Array.isArray(node)) {
      if (!/^[-+]?\d+$/.test(token)) throw new SchemaError(`Invalid array index '${token}'`)
      const next: Json | undefined = node[Number(token)]
      if (next === undefined) {
        throw new SchemaError(`Out of bound array[0,${node.length}] index '${Number(token)}'`)
      }
      node = next
    } else throw new SchemaError(`Invalid token reference '${token}'`)
  }
  return node
}

function cut(reference: string): [string, string | undefined] {
  const at = reference.indexOf('#')
  return at < 0 ? [reference, undefined] : [reference.slice(0, at), reference.slice(at + 1)]
}

/** Two paths made one, without `.` and `..`. */
function joined(base: string, path: string): string {
  const full = path.startsWith('/') ? path : base.slice(0, base.lastIndexOf('/') + 1) + path
  const parts: string[] = []
  for (const part of full.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/').replace(/^\/+/, '')
}
