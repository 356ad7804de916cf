import type { ReadTree } from './read-tree.ts'

/** Whether what is read of a document may change with the value at this path. */
export function touches(tree: ReadTree, path: readonly string[]): boolean {
  if (tree === 'all') return true
  const [key, ...rest] = path
  // Above what is read, or at it: whatever is read below changes with it.
  if (key === undefined) return tree.size > 0
  const below = tree.get(key)
  return below !== undefined && touches(below, rest)
}
