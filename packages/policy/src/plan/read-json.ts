import type { ReadTree } from './read-tree.ts'

/** Writes what is read of a document as JSON. */
export type WriteRead = (document: object) => string

/**
 * A writer for the parts of a document that a policy reads. To the policy, what it writes is the
 * document: an object without the keys that are never looked up, any other value whole.
 */
export function readJson(tree: ReadTree): WriteRead {
  if (tree === 'all') return (document) => JSON.stringify(document)
  const write = writerOf(tree)
  return (document) => write(document) ?? '{}'
}

/** As JSON.stringify, without text for what JSON has no text for. */
type Write = (value: unknown) => string | undefined

function writerOf(tree: ReadTree): Write {
  if (tree === 'all') return (value) => JSON.stringify(value)
  const members = [...tree].map(([key, below]) => ({
    key,
    name: `${JSON.stringify(key)}:`,
    write: writerOf(below),
  }))
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return JSON.stringify(value)
    }
    let text = ''
    for (const { key, name, write } of members) {
      if (!Object.hasOwn(value, key)) continue
      const written = write((value as Record<string, unknown>)[key])
      if (written !== undefined) text += text === '' ? name + written : `,${name}${written}`
    }
    return `{${text}}`
  }
}
