import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Route, type RouteKey, type RoutePattern, RouteTable } from './route-table.ts'

function tableOf(patterns: readonly RoutePattern[]): RouteTable {
  const table = new RouteTable()
  for (const [index, pattern] of patterns.entries()) table.add(pattern, routeAt(index))
  return table
}

function routeAt(index: number): Route {
  return { name: String(index), entrypoint: `r/${index % 3}` }
}

/** What the table is an index of. */
function isFor(pattern: RoutePattern, { host, segments, method }: RouteKey): boolean {
  const named =
    pattern.host === undefined ||
    (pattern.host.below ? host.endsWith(`.${pattern.host.name}`) : host === pattern.host.name)
  const begins = pattern.segments.every((segment, at) => segments[at] === segment)
  const ends = pattern.below || segments.length === pattern.segments.length
  return named && begins && ends && (pattern.methods?.includes(method) ?? true)
}

const segments = fc.array(fc.constantFrom('a', 'b', '', '__proto__', 'constructor'), {
  maxLength: 3,
})
const host = fc.constantFrom('shop', 'a.shop', 'b.a.shop', 'x.y.z', '__proto__', '')
const method = fc.constantFrom('GET', 'POST', 'PUT')
const pattern: fc.Arbitrary<RoutePattern> = fc
  .record({
    host: fc.option(fc.record({ name: host, below: fc.boolean() }), { nil: undefined }),
    segments,
    below: fc.boolean(),
    methods: fc.option(fc.array(method, { minLength: 1, maxLength: 2 }), { nil: undefined }),
  })
  .map(({ host: named, methods, ...path }) => ({
    ...path,
    ...(named && { host: named }),
    ...(methods && { methods }),
  }))

test('the table finds what a look at one route after the other finds', () => {
  fc.assert(
    fc.property(
      fc.array(pattern, { maxLength: 30 }),
      fc.record({ host, segments, method }),
      (patterns, key) => {
        const first = patterns.findIndex((one) => isFor(one, key))
        const found = tableOf(patterns).match(key)
        expect(found).toEqual(first === -1 ? undefined : routeAt(first))
      },
    ),
    { numRuns: 2_000 },
  )
})

test('a match takes as many steps as the path has segments, however many routes there are', () => {
  const patterns = Array.from({ length: 1_000 }, (_, index) => ({
    host: { name: `shop-${index % 10}.example`, below: index % 2 === 0 },
    segments: ['v1', String(index), 'orders'],
    below: true,
  }))
  const table = tableOf(patterns)
  let steps = 0
  const path = new Proxy(['v1', '731', 'orders', '1'], {
    get: (target, name) => {
      steps++
      return Reflect.get(target, name) as unknown
    },
  })
  const key = { host: 'shop-1.example', segments: path, method: 'GET' }
  expect(table.match(key)).toEqual(routeAt(731))
  // Four for the host, and one for the table of any host.
  expect(steps).toBeLessThanOrEqual(6)
  expect(table.entrypoints).toEqual(['r/0', 'r/1', 'r/2'])
})

test('a host of many labels is looked up by no more than the routes have', () => {
  const table = tableOf([
    { host: { name: 'shop.example', below: true }, segments: [], below: true },
  ])
  const key = { segments: [''], method: 'GET' }
  expect(table.match({ ...key, host: `${'a.'.repeat(30_000)}shop.example` })).toEqual(routeAt(0))
  expect(table.match({ ...key, host: 'shop.example' })).toBeUndefined()
  expect(table.match({ ...key, host: '.'.repeat(30_000) })).toBeUndefined()
})
