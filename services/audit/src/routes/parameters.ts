import { HttpError, HttpErrorCode } from '@verdict/service'

/** A value that is shown in a message is cut here. */
const SHOWN_CHARS_MAX = 100

/** One parameter of a query: its accepted form, for people, and how its text is read. */
export interface Parameter<out Value> {
  /** Follows the word “expected”. */
  readonly form: string
  /** `undefined` where the text is not of the accepted form. */
  readonly parse: (text: string) => Value | undefined
  /** Of the text, as JSON Schema; any text where it is left out. */
  readonly schema?: Readonly<Record<string, unknown>>
}

export type Parameters = Readonly<Record<string, Parameter<unknown>>>

export type ValuesOf<P extends Parameters> = {
  readonly [Name in keyof P]?: P[Name] extends Parameter<infer Value> ? Value : never
}

/**
 * The values of a query; a parameter that is not given is absent.
 * @throws {HttpError} `bad_request` for a parameter that is unknown, repeated or malformed
 */
export function readParameters<const P extends Parameters>(
  parameters: P,
  query: unknown,
): ValuesOf<P> {
  const values: Record<string, unknown> = {}
  for (const [name, given] of Object.entries(query ?? {})) {
    const parameter = Object.hasOwn(parameters, name) ? parameters[name] : undefined
    if (parameter === undefined) {
      const known = Object.keys(parameters).join(', ')
      throw refusal(`\`${shorten(name)}\` is not a parameter: expected one of ${known}`)
    }
    values[name] = readParameter(name, parameter, given)
  }
  return values as ValuesOf<P>
}

/** @throws {HttpError} `bad_request` */
export function readParameter<Value>(
  name: string,
  { form, parse }: Parameter<Value>,
  given: unknown,
): Value {
  if (typeof given !== 'string') throw refusal(`\`${name}\` is given twice: expected ${form}`)
  const value = parse(given)
  if (value !== undefined) return value
  throw refusal(`\`${name}\` can't be \`${shorten(given)}\`: expected ${form}`)
}

export const parameter = {
  text(form: string): Parameter<string> {
    return { form, parse: (text) => text || undefined, schema: { type: 'string', minLength: 1 } }
  },

  integer({ min, max }: { min: number; max: number }): Parameter<number> {
    const form =
      max === Number.MAX_SAFE_INTEGER
        ? `a whole number of at least ${min}`
        : `a whole number from ${min} to ${max}`
    return {
      form,
      schema: { type: 'integer', minimum: min, maximum: max },
      parse(text) {
        const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
        return value >= min && value <= max ? value : undefined
      },
    }
  },

  oneOf<Value extends string>(values: readonly Value[]): Parameter<Value> {
    return {
      form: `one of ${values.join(', ')}`,
      schema: { enum: values },
      parse: (text) => values.find((value) => value === text),
    }
  },

  flag(): Parameter<boolean> {
    const values = new Map([
      ['true', true],
      ['false', false],
    ])
    const schema = { type: 'boolean' }
    return { form: 'true or false', parse: (text) => values.get(text), schema }
  },

  /** In ms. */
  time(): Parameter<number> {
    const schema = { type: 'string', format: 'date-time' }
    return { form: 'a time such as 2026-01-31T12:00:00Z', parse: parseTime, schema }
  },
} as const

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/

function parseTime(text: string): number | undefined {
  // A `+` that was not encoded arrives as a space.
  const time = text.toUpperCase().replace(' ', '+')
  const ms = RFC_3339.test(time) ? Date.parse(time) : Number.NaN
  return Number.isNaN(ms) ? undefined : ms
}

function refusal(message: string): HttpError {
  return new HttpError(HttpErrorCode.badRequest, message)
}

function shorten(text: string): string {
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX - 1)}…` : text
}
