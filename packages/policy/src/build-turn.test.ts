import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { expect, test } from 'vitest'
import { buildBundle } from './build.ts'
import { buildTurn } from './build-turn.ts'

const LONG_MS = 60_000

test('what several want built at the same time is built once', async () => {
  await using scratch = temporaryDirectory()
  const [sources, opa, calls] = ['policies', 'opa', 'calls'].map((name) =>
    join(scratch.path, name),
  ) as [string, string, string]
  writeFiles(sources, { 'p.rego': 'package p\n\nx := 1\n' })
  writeFileSync(opa, `#!/bin/sh\necho "$1" >> '${calls}'\nexec '${await opaBinary()}' "$@"\n`)
  chmodSync(opa, 0o755)
  const options = { opa, sources, entrypoints: ['p/x'], cacheDir: join(scratch.path, 'cache') }
  const bundles = await Promise.all([1, 2, 3].map(() => buildBundle(options)))
  expect(new Set(bundles.map(({ revision }) => revision)).size).toBe(1)
  expect(readFileSync(calls, 'utf8').match(/^check$/gm)).toHaveLength(1)
}, 60_000)

test('a turn comes when the one before it ends', async () => {
  await using scratch = temporaryDirectory()
  const file = join(scratch.path, 'turn')
  const first = await buildTurn(file, { timeoutMs: LONG_MS })
  const order: string[] = []
  const second = buildTurn(file, { timeoutMs: LONG_MS }).then((turn) => {
    order.push('second')
    return turn
  })
  order.push('first ends')
  first[Symbol.dispose]()
  using _turn = await second
  expect(order).toEqual(['first ends', 'second'])
})

test('who has waited long enough, or is to stop, goes on without a turn', async () => {
  await using scratch = temporaryDirectory()
  const file = join(scratch.path, 'turn')
  using _first = await buildTurn(file, { timeoutMs: LONG_MS })
  using _late = await buildTurn(file, { timeoutMs: 0 })
  const signal = AbortSignal.abort()
  using _stopped = await buildTurn(file, { timeoutMs: LONG_MS, signal })
})
