import { VERSION } from '@verdict/service'
import { isOpen } from '../authorization/open-paths.ts'
import type { Parameters } from '../routes/parameters.ts'
import type { Answer, Operation, RoutedOperation } from './operation.ts'
import { ref, SCHEMAS, type Schema } from './schema.ts'

const JSON_TYPE = 'application/json'
const BEARER = 'bearer'

/** What stands before every route of the log. */
const REFUSALS: Readonly<Record<number, Answer>> = {
  400: { description: 'the request is malformed: the message says how', schema: ref('Error') },
  401: { description: 'the caller is not known: see `www-authenticate`', schema: ref('Error') },
  403: { description: 'the policy does not let the caller do this', schema: ref('Error') },
  503: { description: 'there was no decision, or the service stops', schema: ref('Error') },
}

/** The description of the routes as OpenAPI 3.1, made of what they read their requests by. */
export function openApiDocument(routes: readonly RoutedOperation[]): Schema {
  const paths: Record<string, Record<string, Schema>> = {}
  for (const { method, operation, url } of routes) {
    const path = pathOf(url)
    const described = operationObject({ method, url }, operation ?? UNDESCRIBED)
    paths[path] = { ...paths[path], [method.toLowerCase()]: described }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Verdict: the audit log',
      version: VERSION,
      description: 'Reads the record of decisions. docs/reading-decisions.md tells how.',
    },
    security: [{ [BEARER]: [] }],
    paths,
    components: {
      securitySchemes: { [BEARER]: { type: 'http', scheme: 'bearer' } },
      schemas: SCHEMAS,
    },
  }
}

const UNDESCRIBED: Operation = {
  summary: 'not described',
  answers: { 200: { description: 'what the service tells' } },
}

/** `/v1/decisions/:id` → `/v1/decisions/{id}`, `/log/tile/*` → `/log/tile/{path}`. */
export function pathOf(url: string): string {
  return url.replaceAll(/:(\w+)/g, '{$1}').replaceAll('*', '{path}')
}

function operationObject(
  { method, url }: { method: string; url: string },
  { answers, body, description, headers, path, query, summary }: Operation,
): Schema {
  const open = isOpen(method, url, url.replaceAll(/:\w+/g, 'x'))
  const parameters = [
    ...parameterObjects('path', { ...pathParameters(url), ...path }),
    ...parameterObjects('query', query),
    ...parameterObjects('header', headers),
  ]
  return {
    summary,
    ...(description !== undefined && { description }),
    ...(open && { security: [] }),
    // Hash tiles are for everybody, the entries beside them are not.
    ...(url.startsWith('/log/') && !open && { security: [{}, { [BEARER]: [] }] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: { required: true, content: { [JSON_TYPE]: { schema: body } } },
    }),
    responses: responses(open ? answers : { ...REFUSALS, ...answers }),
  }
}

/** Those that nothing is said of. */
function pathParameters(url: string): Parameters {
  const names = [...pathOf(url).matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const any = { form: 'a part of the path', parse: (text: string) => text }
  return Object.fromEntries(names.map((name) => [name, any]))
}

function parameterObjects(place: 'path' | 'query' | 'header', parameters: Parameters = {}) {
  return Object.entries(parameters).map(([name, { form, schema = { type: 'string' } }]) => ({
    ...{ name, in: place, description: form, schema },
    ...(place === 'path' && { required: true }),
  }))
}

function responses(answers: Readonly<Record<number, Answer>>): Schema {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { description, schema, type = JSON_TYPE }]) => [
      status,
      { description, ...(schema && { content: { [type]: { schema } } }) },
    ]),
  )
}
