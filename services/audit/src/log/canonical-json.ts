/** RFC 8785 for what the log writes: strings, whole numbers, flags, lists and objects. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const entries = Object.entries(value).filter(([, given]) => given !== undefined)
  entries.sort(([a], [b]) => (a < b ? -1 : 1))
  const parts = entries.map(([key, given]) => `${JSON.stringify(key)}:${canonicalJson(given)}`)
  return `{${parts.join(',')}}`
}
