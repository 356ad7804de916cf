/** Records are flat; nothing of ours is nested like this. */
export const DEPTH_MAX = 64

/**
 * Whether a text is the canonical JSON (RFC 8785) of the value that it was read as: keys sorted by
 * UTF-16 units, numbers as ECMAScript writes them, no key twice, no lone surrogate. Nesting beyond
 * DEPTH_MAX is refused.
 */
export function isCanonicalJson(json: string, value: unknown): boolean {
  // What is no text can come from an escape alone, where the whole of it is one.
  const isText = !json.includes('\\u') && json.isWellFormed()
  return isOrdered(value, 0, isText) && JSON.stringify(value) === json
}

/** Whether `JSON.stringify` writes it in canonical order. */
function isOrdered(value: unknown, depth: number, isText: boolean): boolean {
  if (typeof value === 'string') return isText || value.isWellFormed()
  if (typeof value !== 'object' || value === null) return true
  if (depth >= DEPTH_MAX) return false
  if (Array.isArray(value)) return value.every((item) => isOrdered(item, depth + 1, isText))
  const object = value as Readonly<Record<string, unknown>>
  let before: string | undefined
  // JavaScript puts keys that are whole numbers first: where that isn't their order, it is refused.
  for (const key of Object.keys(object)) {
    if (before !== undefined && key <= before) return false
    if (!isText && !key.isWellFormed()) return false
    if (!isOrdered(object[key], depth + 1, isText)) return false
    before = key
  }
  return true
}
