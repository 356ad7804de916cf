import { Outcome } from '@verdict/contract'
import type { Filter } from '../search/filter.ts'
import { type Parameter, parameter, type ValuesOf } from './parameters.ts'

/** The parameters that say which decisions are meant. */
export const filterParameters = {
  from: parameter.time(),
  to: parameter.time(),
  principal: parameter.text('a principal, such as alice or a SPIFFE ID'),
  outcome: parameter.oneOf(Object.values(Outcome)),
  enforced: parameter.flag(),
  path: {
    form: 'a path, or the beginning of one and a `*`',
    parse: (text) => parsePath(text),
  } satisfies Parameter<Filter['path']>,
  destination: {
    form: 'a service, or namespace/service',
    parse: (text) => parseDestination(text),
  } satisfies Parameter<Filter['destination']>,
} as const

/** Those of a stream, which knows no time and no path. */
export const streamParameters = {
  outcome: filterParameters.outcome,
  enforced: filterParameters.enforced,
  principal: filterParameters.principal,
  destination: filterParameters.destination,
} as const

export function filterOf(values: ValuesOf<typeof filterParameters>): Filter {
  const { from, to, ...rest } = values
  return {
    ...rest,
    ...(from === undefined ? {} : { fromMs: from }),
    ...(to === undefined ? {} : { toMs: to }),
  }
}

function parsePath(text: string): Filter['path'] {
  if (text === '') return undefined
  return text.endsWith('*') ? { prefix: text.slice(0, -1) } : { exact: text }
}

function parseDestination(text: string): Filter['destination'] {
  const [first = '', ...rest] = text.split('/')
  if (rest.length === 0) return first === '' ? undefined : { service: first }
  const service = rest.join('/')
  return service === '' ? undefined : { namespace: first, service }
}
