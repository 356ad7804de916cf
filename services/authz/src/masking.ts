/** What stands in the place of a credential. */
export const MASK = '[masked]'

/**
 * Names of headers that carry credentials, in any case: `authorization`, `cookie`, `x-api-key`,
 * `x-auth-token`, `x-forwarded-client-cert` and their like.
 */
const NAME =
  '(?:[^"\\\\]*[-_.])?(?:authorization|api[-_]?key|token|secret|password|client-cert(?:-chain)?)' +
  '|(?:set-)?cookie2?'
const IS_NAME = new RegExp(`^(?:${NAME})$`, 'i')
/** A key of that name with a text, in JSON without blanks: in a text all quotes are escaped. */
const NAMED_TEXT = new RegExp(`"(${NAME})":"(?:[^"\\\\]|\\\\.)*"`, 'gi')
/** The name anywhere else: as a key of something that is no text, or as the key in a list. */
const NAMED_OTHERWISE = new RegExp(`"(?:${NAME})"(?!:"\\[masked\\]")`, 'i')

/** Fields beside a `key` that hold a header's value, as Envoy's raw headers have them. */
const VALUES = new Set(['value', 'rawValue', 'raw_value'])

/**
 * The JSON of an input without the values of headers that carry credentials, wherever in it they
 * are: under their names, or beside their names in a list of keys and values.
 */
export function masked(json: string): string {
  const text = json.replaceAll(NAMED_TEXT, `"$1":"${MASK}"`)
  return NAMED_OTHERWISE.test(text) ? JSON.stringify(maskedValue(JSON.parse(text))) : text
}

function maskedValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(maskedValue)
  if (typeof value !== 'object' || value === null) return value
  const { key } = value as { key?: unknown }
  const named = typeof key === 'string' && IS_NAME.test(key)
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const isMasked = IS_NAME.test(name) || (named && VALUES.has(name))
      return [name, isMasked ? MASK : maskedValue(inner)]
    }),
  )
}
