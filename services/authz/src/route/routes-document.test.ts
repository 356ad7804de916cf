import { expect, test } from 'vitest'
import { ENTRYPOINTS_MAX, ROUTES_MAX, readRoutes } from './routes-document.ts'

const entrypoint = 'shop/web/allow'

function read(...routes: readonly unknown[]) {
  return readRoutes(JSON.stringify({ routes }))
}

function problemsOf(...routes: readonly unknown[]): readonly string[] {
  const result = read(...routes)
  return result.table === undefined ? result.problems : []
}

test('a document becomes a table, with all that a route says', () => {
  const { table } = read(
    {
      name: 'admin',
      host: '*.Shop.Example.',
      path: '/admin/*',
      methods: ['GET', 'M-SEARCH'],
      entrypoint: 'shop/admin/allow',
      ambiguities: 'backslash=flag',
      skip_body: true,
    },
    { path: '/a%20b/%C3%BC', entrypoint },
    { entrypoint },
  )
  const admin = {
    name: 'admin',
    entrypoint: 'shop/admin/allow',
    ambiguities: 'backslash=flag',
    skipBody: true,
  }
  const key = { host: 'eu.shop.example', segments: ['admin', 'users'], method: 'GET' }
  expect(table?.match(key)).toEqual(admin)
  expect(table?.match({ ...key, segments: ['admin'] })).toEqual(admin)
  expect(table?.match({ ...key, segments: ['administrator'] })).toEqual({ entrypoint })
  expect(table?.match({ ...key, method: 'POST' })).toEqual({ entrypoint })
  expect(table?.match({ ...key, host: 'shop.example' })).toEqual({ entrypoint })
  expect(table?.entrypoints).toEqual(['shop/admin/allow', entrypoint])
  const exact = read({ path: '/a%20b/%C3%BC', entrypoint }).table
  expect(exact?.match({ host: '', segments: ['a b', 'ü'], method: '' })).toEqual({ entrypoint })
  expect(exact?.match({ host: '', segments: ['a b', 'ü', ''], method: '' })).toBeUndefined()
})

test.each([
  ['a path that begins nowhere', { path: 'admin' }, '`routes[0].path`: expected a path'],
  ['a star in the middle', { path: '/a/*/b' }, '`routes[0].path`'],
  ['half a star', { path: '/adm*' }, '`routes[0].path`'],
  ['a query', { path: '/a?x=1' }, '`routes[0].path`'],
  ['a malformed escape', { path: '/%zz' }, '`routes[0].path`'],
  ['a path of two readings', { path: '/a/../b' }, '`routes[0].path`'],
  ['another path of two readings', { path: '/a//b' }, '`routes[0].path`'],
  ['an escaped slash', { path: '/a%2fb' }, '`routes[0].path`'],
  ['a port', { host: 'shop.example:80' }, '`routes[0].host`: expected a host without a port'],
  ['a star as a host', { host: '*' }, '`routes[0].host`'],
  ['two stars', { host: '*.*.example' }, '`routes[0].host`'],
  ['userinfo', { host: 'a@shop' }, '`routes[0].host`'],
  ['no methods', { methods: [] }, '`routes[0].methods`: expected an array of methods'],
  ['small methods', { methods: ['get'] }, '`routes[0].methods`'],
  ['no name', { name: '' }, '`routes[0].name`: expected a text of 1 to 200 characters'],
  ['an unknown kind', { ambiguities: 'slashes=flag' }, '`routes[0].ambiguities`: expected kinds'],
  ['a word for a flag', { skip_body: 'yes' }, '`routes[0].skip_body`: expected true or false'],
  ['a field of no meaning', { hosts: 'shop' }, '`routes[0].hosts`: no such field'],
  ['a field of every object', JSON.parse('{"__proto__": 1}'), '`routes[0].__proto__`'],
])('%s is refused', (_what, route: object, problem) => {
  const given = JSON.stringify(route).replace('{', `{"entrypoint":"${entrypoint}",`)
  const result = readRoutes(`{"routes":[${given}]}`)
  expect(result.table).toBeUndefined()
  expect('problems' in result && result.problems).toEqual([expect.stringContaining(problem)])
})

test('all problems are told at once, each by its place and field', () => {
  const routes = [{ path: 'a', host: 7 }, 'x', { entrypoint, path: '/b' }, { entrypoint: 'allow' }]
  const result = readRoutes(JSON.stringify({ routes, route: [] }))
  expect(result).toMatchObject({
    problems: [
      '`route`: no such field',
      expect.stringContaining('`routes[0].host`'),
      expect.stringContaining('`routes[0].path`'),
      expect.stringContaining('`routes[0].entrypoint`: expected the path of a rule'),
      '`routes[1]`: expected an object',
      expect.stringContaining('`routes[3].entrypoint`'),
    ],
  })
})

test.each(['{', '[]', '{"routes":{}}', '{}', 'null'])('%s is no document of routes', (text) => {
  expect(readRoutes(text).table).toBeUndefined()
})

test.each([
  [{ path: '/a/*' }, { path: '/a/b' }],
  [{ path: '/a/*' }, { path: '/a' }],
  [{ path: '/a' }, { path: '/a', methods: ['GET'] }],
  [{}, { host: '*.shop', path: '/a' }],
  [{ host: '*.shop' }, { host: '*.a.shop', path: '/a' }],
])('a route behind one that takes all of its requests is refused: %j, %j', (first, second) => {
  expect(problemsOf({ ...first, entrypoint }, { ...second, entrypoint })).toEqual([
    '`routes[1]`: never reached: earlier routes take it all',
  ])
  expect(problemsOf({ ...second, entrypoint }, { ...first, entrypoint })).toEqual([])
})

test('there are bounds for routes and for rules', () => {
  const many = (count: number, rules: number) =>
    Array.from({ length: count }, (_, at) => ({ path: `/${at}`, entrypoint: `r/x${at % rules}` }))
  expect(problemsOf(...many(ROUTES_MAX, 10))).toEqual([])
  expect(problemsOf(...many(ROUTES_MAX + 1, 10))).toEqual(['`routes`: expected at most 10000'])
  expect(problemsOf(...many(300, ENTRYPOINTS_MAX + 1))).toHaveLength(1)
})
