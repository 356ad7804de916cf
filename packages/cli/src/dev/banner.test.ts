import { expect, test } from 'vitest'
import { type BannerOptions, suggestions } from './banner.ts'
import { portsFrom } from './ports.ts'

const OPTIONS: BannerOptions = {
  rows: [],
  ports: portsFrom(undefined),
  dataDir: '/home/me/shop/.verdict',
  cwd: '/home/me/shop',
  way: { through: 'envoy', users: true },
}

const commands = (options: Partial<BannerOptions>): string[] =>
  suggestions({ ...OPTIONS, ...options }).map(({ command }) => command)

test('the commands go through Envoy, and are as short as where the user is permits', () => {
  expect(commands({})).toEqual([
    'curl -i -H @.verdict/demo/alice.header http://127.0.0.1:10000/orders/1',
    'curl -i -H @.verdict/demo/alice.header -X POST http://127.0.0.1:10000/payments/1/refund',
    'npx verdict tail',
  ])
})

test('another folder and other ports are in the commands', () => {
  const header = `-H @'/srv/it'\\''s here/demo/alice.header'`
  expect(commands({ dataDir: "/srv/it's here", ports: portsFrom(20_000) })).toEqual([
    `curl -i ${header} http://127.0.0.1:20006/orders/1`,
    `curl -i ${header} -X POST http://127.0.0.1:20006/payments/1/refund`,
    `npx verdict tail --data-dir '/srv/it'\\''s here'`,
  ])
})

test('without Envoy the commands ask the HTTP endpoint, with the service as the host', () => {
  expect(commands({ way: { through: 'authz', users: true } })[0]).toBe(
    "curl -i -H @.verdict/demo/alice.header -H 'host: orders.shop' " +
      'http://127.0.0.1:8181/check/orders/1',
  )
})

test('without users of the demo the commands need none', () => {
  const [allowed, denied] = commands({ way: { through: 'authz', users: false } })
  expect(allowed).toBe("curl -i -H 'host: catalog.shop' http://127.0.0.1:8181/check/catalog")
  expect(denied).toContain('-X DELETE')
})
