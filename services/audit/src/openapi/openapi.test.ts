import { TestJournal } from '@verdict/kit'
import { expect, test } from 'vitest'
import { ServedLog } from '../../test/served-log.ts'
import { pathOf } from './document.ts'

/** The document says what the routes do: no route without it, and nothing in it without a route. */

interface Described {
  readonly summary: string
  readonly security?: readonly unknown[]
  readonly parameters?: readonly { name: string; in: string; description: string }[]
  readonly responses: Record<string, { content?: Record<string, { schema: object }> }>
}
interface Document {
  readonly openapi: string
  readonly paths: Record<string, Record<string, Described>>
  readonly components: { readonly schemas: Record<string, object> }
}

async function documentOf(log: ServedLog): Promise<Document> {
  return (await (await fetch(log.url('/v1/openapi.json'))).json()) as Document
}

test('each route of the service is described, and nothing else', async () => {
  await using log = await ServedLog.start()
  const { openapi, paths } = await documentOf(log)
  expect(openapi).toBe('3.1.0')
  const served = log.operations.map(({ method, url }) => `${method} ${pathOf(url)}`)
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  expect(described.toSorted()).toEqual(served.toSorted())
  for (const path of ['/v1/decisions', '/v1/decisions/{id}', '/v1/stream', '/v1/holds']) {
    expect(Object.keys(paths)).toContain(path)
  }
  for (const [path, methods] of Object.entries(paths)) {
    for (const { parameters = [], responses, security, summary } of Object.values(methods)) {
      expect([path, summary]).not.toEqual([path, 'not described'])
      const inPath = parameters.filter(({ in: place }) => place === 'path').map(({ name }) => name)
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      expect([path, inPath.toSorted()]).toEqual([path, named.toSorted()])
      const guarded = ['401', '403', '503'].every((status) => status in responses)
      expect([path, guarded]).toEqual([path, security?.length !== 0])
    }
  }
})

test('every schema that is named is there', async () => {
  await using log = await ServedLog.start()
  const document = await documentOf(log)
  const named = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)]
  expect(named.length).toBeGreaterThan(10)
  for (const [, name = ''] of named) expect(document.components.schemas).toHaveProperty(name)
})

test('a parameter is in the document exactly where the route reads it', async () => {
  await using log = await ServedLog.start()
  const { paths } = await documentOf(log)
  const lists = Object.entries(paths).filter(([, { get }]) =>
    get?.parameters?.some(({ in: place }) => place === 'query'),
  )
  expect(lists.length).toBeGreaterThan(3)
  for (const [path, { get }] of lists) {
    const names = (get?.parameters ?? []).filter(({ in: place }) => place === 'query')
    for (const { name, description } of names) {
      // No parameter may be empty: so its own words show that it is read.
      const { status, body } = await log.get(`${path}?${name}=`)
      expect([path, name, status]).toEqual([path, name, 400])
      expect(body.error?.message).toBe(`\`${name}\` can't be \`\`: expected ${description}`)
    }
    const { body } = await log.get(`${path}?no_such_parameter=1`)
    expect(body.error?.message).toContain(names.map(({ name }) => name).join(', '))
  }
})

test('what is answered has the form that is described', async () => {
  await using log = await ServedLog.start()
  const journal = new TestJournal('pdp')
  const lines = journal.appendAll(3)
  log.record(journal.message([...lines.slice(0, 1), ...lines.slice(2)]))
  const { components, paths } = await documentOf(log)
  const asked = [
    ['/v1/decisions', '/v1/decisions?limit=1', '200'],
    ['/v1/decisions/{id}', `/v1/decisions/${lines[0]?.record.id}`, '200'],
    ['/v1/decisions/{id}', `/v1/decisions/${lines[1]?.record.id}`, '404'],
    ['/v1/decisions', '/v1/decisions?limit=x', '400'],
    ['/v1/instances', '/v1/instances', '200'],
    ['/v1/findings', '/v1/findings', '200'],
    ['/v1/log', '/v1/log', '200'],
    ['/v1/holds', '/v1/holds', '200'],
  ] as const
  for (const [path, url, status] of asked) {
    const answer = await log.get(url)
    expect([url, String(answer.status)]).toEqual([url, status])
    const schema = paths[path]?.['get']?.responses[status]?.content?.['application/json']?.schema
    expect([url, problemsOf(schema, answer.body, components.schemas)]).toEqual([url, []])
  }
})

/** What of JSON Schema the document uses. */
function problemsOf(
  schema: unknown,
  value: unknown,
  schemas: Record<string, object>,
  place = '',
): string[] {
  const { $ref, const: only, enum: values, items, properties, required, type } = Object(schema)
  if ($ref !== undefined) return problemsOf(schemas[$ref.split('/').at(-1)], value, schemas, place)
  if (values !== undefined) return values.includes(value) ? [] : [`${place} is ${value}`]
  if (only !== undefined) return value === only ? [] : [`${place} is ${value}`]
  const found = Array.isArray(value) ? 'array' : typeof value
  const wanted = type === 'integer' ? 'number' : type
  if (wanted === undefined) return [`${place} has no schema`]
  if (found !== wanted) return [`${place} is ${found}, not ${wanted}`]
  if (Array.isArray(value)) {
    return value.flatMap((each, at) => problemsOf(items, each, schemas, `${place}/${at}`))
  }
  const missing = (required ?? []).filter((name: string) => !Object.hasOwn(Object(value), name))
  const within = Object.entries(properties ?? {}).flatMap(([name, each]) => {
    const part = Object(value)[name]
    return part === undefined ? [] : problemsOf(each, part, schemas, `${place}/${name}`)
  })
  return [...missing.map((name: string) => `${place}/${name} is missing`), ...within]
}
