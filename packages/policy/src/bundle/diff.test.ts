import { expect, test } from 'vitest'
import { archiveOf, SMALL, type Texts } from '../../test/bundles-under-test.ts'
import { diffBundles } from './diff.ts'

const SHOP = `package shop

# Whoever has one of these roles.
allow if input.role == "admin"

allow if {
	input.role == "clerk"
	data.shop.open
}

reasons contains "closed" if not data.shop.open
`
const NOTHING = { added: [], removed: [], changed: [] }

async function diff(change: Texts, base: Texts = {}) {
  const before = { ...SMALL, 'shop.rego': SHOP, ...base }
  return await diffBundles(await archiveOf(before), await archiveOf({ ...before, ...change }))
}

function manifest(change: object): string {
  return JSON.stringify({ ...JSON.parse(String(SMALL['.manifest'])), ...change })
}

test('what is written in another way is the same', async () => {
  const other = SHOP.replace('# Whoever', '# Anybody who')
    .replaceAll('\t', '    ')
    .replace('\n\nreasons', '\n\n\nreasons')
  const found = await diff({ 'shop.rego': other, 'data.json': '{ "shop": { "open": true } }' })
  expect(found).toMatchObject({ same: true, rules: NOTHING, data: { ...NOTHING, more: 0 } })
})

test('a bundle without a change is told by its revision and serial', async () => {
  const found = await diff({
    '.manifest': manifest({ revision: 'v2', metadata: { verdict: { serial: 8 } } }),
  })
  expect(found).toMatchObject({
    same: true,
    before: { revision: 'small', serial: 7 },
    after: { revision: 'v2', serial: 8 },
  })
  expect(found.before.digest).not.toBe(found.after.digest)
})

test('rules are told by their names and files', async () => {
  const rules = async (change: Texts) => (await diff(change)).rules
  expect(await rules({ 'shop.rego': SHOP.replace('clerk', 'manager') })).toEqual({
    ...NOTHING,
    changed: ['data.shop.allow (shop.rego)'],
  })
  const limit = `${SHOP}\ndefault limit := 3\n\nlimit := 5 if input.big\n`
  expect(await rules({ 'shop.rego': limit })).toEqual({
    ...NOTHING,
    added: ['data.shop.limit (shop.rego)'],
  })
  const without = SHOP.slice(0, SHOP.indexOf('reasons'))
  expect(
    await rules({ 'shop.rego': without, 'more.rego': 'package shop.more\n\nx := 1\n' }),
  ).toEqual({
    added: ['data.shop.more (more.rego)', 'data.shop.more.x (more.rego)'],
    removed: ['data.shop.reasons (shop.rego)'],
    changed: [],
  })
  const imported = SHOP.replace('package shop\n', 'package shop\n\nimport data.roles\n')
  expect(await rules({ 'shop.rego': imported })).toEqual({
    ...NOTHING,
    changed: ['data.shop (shop.rego)'],
  })
})

test('data is told by its smallest paths, with all digits of its numbers', async () => {
  const base = {
    'data.json': '{"shop":{"open":true,"a":{"b":1,"c":[1,2]},"big":12345678901234567890}}',
  }
  const after = '{"shop":{"open":true,"a":{"b":2,"c":[1,2,3]},"big":12345678901234567891,"new":{}}}'
  expect((await diff({ 'data.json': after }, base)).data).toEqual({
    added: ['/shop/new'],
    removed: [],
    changed: ['/shop/a/b', '/shop/a/c', '/shop/big'],
    more: 0,
  })
  expect((await diff({ 'data.json': '{"shop":1}' }, base)).data.changed).toEqual(['/shop'])
})

test('of many changes of data some are told, and how many more there are', async () => {
  const many = Object.fromEntries(Array.from({ length: 250 }, (_, at) => [`k${at}`, at]))
  const { data, same } = await diff({
    'data.json': JSON.stringify({ shop: { open: true, ...many } }),
  })
  expect(same).toBe(false)
  expect(data.added).toHaveLength(100)
  expect(data.more).toBe(150)
})

test('entrypoints, roots and labels are told', async () => {
  const wasm = [{ entrypoint: 'shop/reasons', module: '/policy.wasm' }]
  const found = await diff(
    {
      '.manifest': manifest({ wasm, roots: ['shop', 'bank'] }),
      'labels.json': '{"names":["b","c"]}',
    },
    { 'labels.json': '{"names":["a","b"]}' },
  )
  expect(found).toMatchObject({
    same: false,
    entrypoints: { added: ['shop/reasons'], removed: ['shop/allow'], changed: [] },
    roots: { added: ['bank'], removed: [], changed: [] },
    labels: { added: ['c'], removed: ['a'], changed: [] },
  })
})
