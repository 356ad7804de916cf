import { posix } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AmbiguityRules, DEFAULT_CHOICES } from '../canonicalise/ambiguity.ts'
import { canonicalise } from '../canonicalise/canonicalise.ts'
import type { ActivePolicies, ActivePolicy } from '../evaluate.ts'
import type { Attributes, HttpAttributes } from '../request.ts'
import { choosePolicy } from './choose.ts'
import { READ_CHARS_MAX } from './readings.ts'
import { readRoutes } from './routes-document.ts'

const ROUTES = [
  { name: 'public', path: '/public/*', entrypoint: 'shop/public/allow' },
  { name: 'admin', path: '/admin/*', entrypoint: 'shop/admin/allow' },
  { name: 'read', path: '/orders/*', methods: ['GET'], entrypoint: 'shop/read/allow' },
  { name: 'orders', path: '/orders/*', entrypoint: 'shop/orders/allow' },
]
const ENTRYPOINTS = ['shop/allow', 'shop/further/allow', ...ROUTES.map((one) => one.entrypoint)]
const rules = new AmbiguityRules(DEFAULT_CHOICES)

function activeWith(routes: readonly object[] | undefined): ActivePolicy {
  const table = routes && readRoutes(JSON.stringify({ routes })).table
  return {
    policy: {
      revision: 'r',
      entrypoints: ENTRYPOINTS,
      spent: 0,
      remembered: false,
      labels: [],
      inputText: undefined,
      evaluate: () => undefined,
    },
    revision: 'r',
    entrypoint: 'shop/allow',
    ...(table && { routes: table }),
  }
}

const { normalize } = posix
const ACTIVE = activeWith(ROUTES)

interface Asked {
  readonly active?: ActivePolicies
  readonly extensions?: Record<string, string>
  readonly entrypoint?: string
  readonly allowed?: string
}

function choose(http: HttpAttributes | undefined, asked: Asked = {}) {
  const { active = ACTIVE, extensions, entrypoint } = asked
  const attributes: Attributes = {
    request: http === undefined ? {} : { http: { method: 'GET', host: 'shop.example', ...http } },
    ...(extensions && { contextExtensions: extensions }),
  }
  const canonical = canonicalise(attributes.request?.http)
  const request = {
    protocol: 'envoy-grpc',
    attributes,
    receivedMs: 0,
    verdictIsStatus: false,
    ...(entrypoint === undefined ? {} : { entrypoint }),
  } as const
  return choosePolicy(active, request, canonical, rules.flagged(canonical.ambiguities))
}

test('without routes nothing is chosen, nor made', () => {
  const active = activeWith(undefined)
  expect(choose({ path: '/admin/users' }, { active })).toBe(active)
  expect(choose({ path: '/a' })).toBe(ACTIVE)
})

test.each([
  ['/admin/users', 'admin'],
  ['/admin', 'admin'],
  ['/admin/', 'admin'],
  ['/%61dmin/users', 'admin'],
  ['/admin/users?x=/public/', 'admin'],
  ['/public', 'public'],
  ['/orders/1', 'read'],
])('%s has the route %s', (path, name) => {
  const { entrypoint, route, disputed } = choose({ path })
  expect({ entrypoint, name: route?.name, disputed }).toEqual({
    entrypoint: `shop/${name}/allow`,
    name,
    disputed: undefined,
  })
})

test.each(['/administrator', '/Admin', '/x/admin'])('%s has no route', (path) => {
  expect(choose({ path })).toBe(ACTIVE)
})

test('routes of one path are told apart by method', () => {
  expect(choose({ path: '/orders/1', method: 'POST' }).route?.name).toBe('orders')
  expect(choose({ path: '/orders/1', method: 'get' }).disputed).toBe('method_form')
})

/** By one reading public, by another not. */
test.each([
  ['/public/../admin/users', 'dot_segment'],
  ['/public/./../admin/users', 'dot_segment'],
  ['/public//../../admin/users', 'dot_segment'],
  ['/public/x;/../../admin', 'dot_segment'],
  ['/public/%252e%252e/admin', 'double_encoding'],
  ['/public/%25252e%25252e/admin', 'double_encoding'],
  ['/public%252f..%252f..%252fadmin', 'double_encoding'],
  ['/public/%255c%252e%252e%255cadmin/..', 'dot_segment'],
  ['/public/．．/admin', 'lookalike'],
  ['/public/‥/admin', 'lookalike'],
  ['/admin%2fx/../../public', 'dot_segment'],
  ['/admin;x/users', 'path_parameter'],
  ['/;x/admin/users', 'path_parameter'],
  ['/admin#/x', 'fragment'],
  ['/%09admin', 'control_character'],
  ['http://shop.example/admin/users', 'absolute_target'],
  ['/public%2f..%2fx%2f../../admin', 'dot_segment'],
  ['/x/..//admin', 'dot_segment'],
])('%s is refused, since it has more than one route', (path, kind) => {
  const { disputed } = choose({ path })
  expect(disputed).toBeDefined()
  expect(rules.flagged(canonicalise({ path }).ambiguities)).not.toBe(0)
  if (kind === 'dot_segment') expect(disputed).toBe(kind)
})

test.each(['//admin/users', '/public//a', '/public/a%2fb', '/public/a;b=1', '/public/a/../b'])(
  '%s is ambiguous, and has one route by all readings',
  (path) => {
    expect(choose({ path })).toMatchObject({ route: { name: expect.any(String) } })
    expect(choose({ path }).disputed).toBeUndefined()
  },
)

/** What servers are known to make of a path, each in its own way. */
const SERVERS: Readonly<Record<string, (path: string) => string>> = {
  'a WHATWG URL': (path) => decode(new URL(`http://shop.example${path}`).pathname),
  'nginx with merge_slashes': (path) => normalize(decode(path.split(/[?#]/, 1)[0] ?? '')),
  'Tomcat, parameters off': (path) =>
    normalize(decode((path.split('?', 1)[0] ?? '').replaceAll(/;[^/]*/g, ''))),
  'a proxy and a server that both decode': (path) =>
    normalize(decode(decode(path.split('?', 1)[0] ?? ''))),
  'Windows paths': (path) => normalize(decode(path.split('?', 1)[0] ?? '').replaceAll('\\', '/')),
  'escaped slashes kept': (path) =>
    normalize(decode((path.split('?', 1)[0] ?? '').replaceAll(/%2f/gi, ':'))),
  'compatibility forms': (path) => normalize(decode(path.split('?', 1)[0] ?? '').normalize('NFKC')),
}

function decode(text: string): string {
  return text.replaceAll(/(?:%[0-9A-Fa-f]{2})+/g, (escapes) =>
    Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'),
  )
}

const PIECES = [
  ...['/', '/', '/public', '/admin', '/orders', '/a', '.', '..', '/..', '/../', '//', ';x', '#'],
  ...['%2e', '%2E%2e', '%2f', '%5c', '%252e', '%252f', '%25', '2f', '%00', '%ff', '\\', '／', '．'],
  ...['%09', '?', '\t', 'admin', '%61dmin', '%2561dmin', '%3b', '%23', '%3f', '‥'],
]

test('no known server reads a request as one of another route than that which decides', () => {
  const path = fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 6 })
  const server = fc.constantFrom(...Object.entries(SERVERS))
  fc.assert(
    fc.property(path, server, (pieces, [, read]) => {
      const target = `/${pieces.join('')}`.replace(/^\/+/, '/')
      let canonical: ReturnType<typeof canonicalise>
      try {
        canonical = canonicalise({ path: target })
      } catch {
        // Denied, for it can't be read.
        return
      }
      const { route, disputed } = choose({ path: target })
      const refused = rules.judge(canonical.ambiguities, undefined).refused ?? disputed
      const segments = read(target).replace(/^\/+/, '').split('/')
      const other = ACTIVE.routes?.match({ host: 'shop.example', segments, method: 'GET' })
      if (other !== route) expect(refused).toBeDefined()
    }),
    { numRuns: 1_000 },
  )
})

test('a long path that is ambiguous is not read in many ways, but refused', () => {
  expect(choose({ path: `/public//${'a'.repeat(READ_CHARS_MAX)}` }).disputed).toBe('empty_segment')
  expect(choose({ path: `/public/${'a'.repeat(READ_CHARS_MAX)}` }).disputed).toBeUndefined()
})

test('where routes name hosts, a request that names two is refused', () => {
  const active = activeWith([{ host: 'admin.example', entrypoint: 'shop/admin/allow' }])
  const headers = { ':authority': 'admin.example' }
  expect(choose({ path: '/', headers }, { active }).disputed).toBe('authority_mismatch')
  expect(choose({ path: '/', headers }).disputed).toBeUndefined()
  const named = choose({ path: '/', host: 'Admin.Example.:8443' }, { active })
  expect(named).toMatchObject({ entrypoint: 'shop/admin/allow' })
})

test("the word of Envoy's route comes first, then that of the caller, then the file", () => {
  const extensions = { 'verdict.entrypoint': 'shop/further/allow' }
  const path = '/admin/users'
  expect(choose({ path }, { extensions, entrypoint: 'shop/read/allow' })).toMatchObject({
    entrypoint: 'shop/further/allow',
  })
  expect(choose({ path }, { extensions }).route).toBeUndefined()
  expect(choose({ path }, { entrypoint: 'shop/read/allow' }).entrypoint).toBe('shop/read/allow')
  // The rule that decides by default is no choice.
  expect(choose({ path }, { entrypoint: 'shop/allow' }).entrypoint).toBe('shop/admin/allow')
  expect(choose({ path }, { extensions: { 'verdict.entrypoint': 'shop/allow' } })).toBe(ACTIVE)
})

test('a rule that is not built is a fault that says what to set', () => {
  const extensions = { 'verdict.entrypoint': 'shop/other' }
  expect(() => choose({ path: '/' }, { extensions })).toThrow(
    expect.objectContaining({
      code: 'route_invalid',
      message: expect.stringMatching(/`shop\/other`.*VERDICT_AUTHZ_ENTRYPOINTS/),
    }),
  )
  for (const entrypoint of ['', '__proto__', 'system/log']) {
    expect(() => choose({ path: '/' }, { entrypoint })).toThrow(
      expect.objectContaining({ code: 'policy_path_unknown' }),
    )
  }
})

test('a connection that is no HTTP has the rule of the setting', () => {
  const active = activeWith([{ entrypoint: 'shop/admin/allow' }])
  expect(choose(undefined, { active })).toBe(active)
  expect(choose({ path: '/' }, { active })).toMatchObject({ route: {} })
})

test('where bundles decide, each rule is found in its bundle, with what a record tells of it', () => {
  const { policy } = ACTIVE
  const data = { revision: 7 }
  const owners = new Map(
    ['shop/allow', 'shop/admin/allow'].map((rule) => {
      const entrypoints = [rule]
      return [rule, { policy: { ...policy, entrypoints }, revision: rule, bundle: rule, data }]
    }),
  )
  const { routes } = ACTIVE
  const active = { ...owners.get('shop/allow'), entrypoint: 'shop/allow', owners }
  expect(choose({ path: '/' }, { active })).toMatchObject({ bundle: 'shop/allow', data })
  const asked = choose({ path: '/' }, { active, entrypoint: 'shop/admin/allow' })
  expect(asked).toMatchObject({ bundle: 'shop/admin/allow', revision: 'shop/admin/allow' })
  const routed = choose({ path: '/admin/x' }, { active: { ...active, ...(routes && { routes }) } })
  expect(routed).toMatchObject({ bundle: 'shop/admin/allow', route: { name: 'admin' } })
  const extensions = { 'verdict.entrypoint': 'shop/further/allow' }
  expect(() => choose({ path: '/' }, { active, extensions })).toThrow(
    expect.objectContaining({
      code: 'route_invalid',
      message: expect.stringMatching(/of a bundle/),
    }),
  )
})

test('a rule that no bundle has, of a route or of the setting, is a fault', () => {
  const owners = new Map()
  const { routes } = ACTIVE
  const active = { entrypoint: 'shop/allow', owners, ...(routes && { routes }) }
  for (const path of ['/', '/admin/x']) {
    expect(() => choose({ path }, { active })).toThrow(
      expect.objectContaining({ code: 'entrypoint_missing' }),
    )
  }
  expect(() => choose(undefined, { active })).toThrow(/VERDICT_AUTHZ_ENTRYPOINT names/)
})
