/** A message as a plain object, by the JSON names of its fields. */
export type PlainMessage = Record<string, unknown>

/** Deeper messages are refused: what comes after reads them recursively. */
export const DEPTH_MAX = 100

export function requireDepth(depth: number): void {
  if (depth > DEPTH_MAX) throw new RangeError('the message is nested too deeply')
}

/** Sets a key that a caller chose: `__proto__` is a key like any other. */
export function put(target: PlainMessage, key: string, value: unknown): void {
  if (key !== '__proto__') target[key] = value
  else Object.defineProperty(target, key, { value, ...PLAIN_PROPERTY })
}

const PLAIN_PROPERTY = { enumerable: true, configurable: true, writable: true } as const
