import { messageOf } from '@verdict/contract'
import {
  CHOICES_FIELD,
  ENTRYPOINT_FIELD,
  FLAG_FIELD,
  HOST_FIELD,
  METHODS_FIELD,
  NAME_FIELD,
  PATH_FIELD,
  RECORD_CLASS_FIELD,
  type RouteField,
} from './route-fields.ts'
import { type Route, type RoutePattern, RouteTable } from './route-table.ts'

/** More routes are a problem of the document. */
export const ROUTES_MAX = 10_000
/** Each makes the policies larger: more of them are a problem of the document. */
export const ENTRYPOINTS_MAX = 256

/** A table of routes, or all that is wrong with the document. */
export type ReadRoutes =
  | { readonly table: RouteTable }
  | { readonly table: undefined; readonly problems: readonly string[] }

type Fields = Readonly<Record<string, unknown>>

/** Reads `{"routes": […]}`: the first route that is for a request decides it. */
export function readRoutes(text: string): ReadRoutes {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch (error) {
    return { table: undefined, problems: [`it is no JSON: ${messageOf(error)}`] }
  }
  if (!isFields(document) || !Array.isArray(document['routes'])) {
    return { table: undefined, problems: ['`routes`: expected an array'] }
  }
  const problems: string[] = []
  const refuse = (place: string, what: string): void => void problems.push(`\`${place}\`: ${what}`)
  for (const field of Object.keys(document)) {
    if (field !== 'routes') refuse(field, 'no such field')
  }
  const routes: readonly unknown[] = document['routes']
  if (routes.length > ROUTES_MAX) refuse('routes', `expected at most ${ROUTES_MAX}`)
  const table = new RouteTable()
  for (const [index, given] of routes.slice(0, ROUTES_MAX).entries()) {
    const place = `routes[${index}]`
    const read = readRoute(given, (field, what) => refuse(place + field, what))
    if (read === undefined) continue
    if (isHidden(table, read.pattern)) refuse(place, 'never reached: earlier routes take it all')
    table.add(read.pattern, read.route)
  }
  if (table.entrypoints.length > ENTRYPOINTS_MAX) {
    refuse('routes', `expected at most ${ENTRYPOINTS_MAX} different entrypoints`)
  }
  return problems.length === 0 ? { table } : { table: undefined, problems }
}

const READERS = {
  name: NAME_FIELD,
  host: HOST_FIELD,
  path: PATH_FIELD,
  methods: METHODS_FIELD,
  entrypoint: ENTRYPOINT_FIELD,
  ambiguities: CHOICES_FIELD,
  record_class: RECORD_CLASS_FIELD,
  skip_body: FLAG_FIELD,
} as const

const EVERY_PATH = { segments: [], below: true } as const

/** Undefined where there are problems; each is told with its field. */
function readRoute(
  given: unknown,
  refuse: (field: string, what: string) => void,
): { readonly pattern: RoutePattern; readonly route: Route } | undefined {
  if (!isFields(given)) {
    refuse('', 'expected an object')
    return undefined
  }
  let refused = false
  for (const field of Object.keys(given)) {
    if (Object.hasOwn(READERS, field)) continue
    refused = true
    refuse(`.${field}`, 'no such field')
  }
  const field = <T>(name: keyof typeof READERS, { form, read }: RouteField<T>): T | undefined => {
    if (given[name] === undefined && name !== 'entrypoint') return undefined
    const value = read(given[name])
    if (value !== undefined) return value
    refused = true
    refuse(`.${name}`, `expected ${form}`)
    return undefined
  }
  const name = field('name', READERS.name)
  const host = field('host', READERS.host)
  const path = field('path', READERS.path) ?? EVERY_PATH
  const methods = field('methods', READERS.methods)
  const entrypoint = field('entrypoint', READERS.entrypoint)
  const ambiguities = field('ambiguities', READERS.ambiguities)
  const recordClass = field('record_class', READERS.record_class)
  const skipBody = field('skip_body', READERS.skip_body)
  if (refused || entrypoint === undefined) return undefined
  return {
    pattern: {
      ...path,
      ...(host === undefined ? undefined : { host }),
      ...(methods === undefined ? undefined : { methods }),
    },
    route: {
      entrypoint,
      ...(name === undefined ? undefined : { name }),
      ...(ambiguities === undefined ? undefined : { ambiguities }),
      ...(recordClass === undefined ? undefined : { recordClass }),
      ...(skipBody === undefined ? undefined : { skipBody }),
    },
  }
}

/** No host, path or method has this form. */
const NOWHERE = '\0/'

/** Whether the routes that are there leave no request to a further one. */
function isHidden(table: RouteTable, { host, segments, below, methods }: RoutePattern): boolean {
  const name = host?.below === true ? `${NOWHERE}.${host.name}` : (host?.name ?? NOWHERE)
  const path = below ? [...segments, NOWHERE] : segments
  return (methods ?? [NOWHERE]).every(
    (method) => table.match({ host: name, segments: path, method }) !== undefined,
  )
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
