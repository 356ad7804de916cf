import { Outcome, Protocol } from '@verdict/contract'
import type { Filter } from '../search/filter.ts'
import { type Parameter, parameter, type ValuesOf } from './parameters.ts'

/** The parameters that say which decisions are meant. */
export const filterParameters = {
  from: parameter.time(),
  to: parameter.time(),
  principal: parameter.text('a principal, such as alice or a SPIFFE ID'),
  workload: parameter.text('the SPIFFE ID of the calling workload'),
  issuer: parameter.text('the issuer of the token'),
  outcome: parameter.oneOf(Object.values(Outcome)),
  enforced: parameter.flag(),
  method: parameter.text('a method, such as GET'),
  path: {
    form: 'a path, or the beginning of one and a `*`',
    parse: (text) => parsePath(text),
  } satisfies Parameter<Filter['path']>,
  destination: {
    form: 'a service, or namespace/service',
    parse: (text) => parseDestination(text),
  } satisfies Parameter<Filter['destination']>,
  namespace: parameter.text('a namespace: every service in it'),
  source: parameter.text('the address that the request came from'),
  protocol: parameter.oneOf(Object.values(Protocol)),
  bundle: parameter.text('the name of the bundle that decided'),
  revision: parameter.text('the revision of the policies that decided'),
  entrypoint: parameter.text('the rule that was asked, such as envoy/authz/allow'),
  rule: parameter.text('the label of a rule that held'),
  reason: parameter.text('the reason of the policy, or the code of a fault'),
  trace: parameter.text('a trace id, 32 hexadecimal digits'),
  request: parameter.text('the value of x-request-id'),
} as const

const { from: _from, to: _to, path: _path, ...rest } = filterParameters

/** Those of a stream, which knows no time and no path. */
export const streamParameters = rest

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
