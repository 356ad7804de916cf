import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { temporaryDirectory } from '@verdict/kit'
import { expect, test } from 'vitest'
import { writeRunFile } from '../dev/run-file.ts'
import { bearer, tokenFor } from './token.ts'

const AUDIT_URL = 'http://127.0.0.1:23103'

/** A data folder as `verdict dev` with a demo leaves it while it runs as the process `pid`. */
async function demoIn(dir: string, pid = process.pid): Promise<void> {
  await writeRunFile(dir, {
    ...{ pid, startedAt: '2026-01-31T12:00:00.000Z', demo: true, ports: {}, processes: [] },
    ...{ natsUrl: 'nats://127.0.0.1:4222', auditUrl: AUDIT_URL },
  })
  await mkdir(path.join(dir, 'demo'))
  for (const user of ['auditor', 'custodian']) {
    const header = `authorization: Bearer ${user}.b.c\n`
    await writeFile(path.join(dir, 'demo', `${user}.header`), header)
  }
}

function values(dir: string, given: { token?: string; audit?: string } = {}) {
  return { token: undefined, audit: undefined, ...given, 'data-dir': dir }
}

test("where the demo runs its auditor's token is taken, as it is now", async () => {
  await using dir = temporaryDirectory()
  await demoIn(dir.path)
  expect(await tokenFor('x', values(dir.path), {})).toBe('auditor.b.c')
  expect(await tokenFor('x', values(dir.path), {}, 'custodian')).toBe('custodian.b.c')
  expect(await tokenFor('x', values(dir.path, { audit: AUDIT_URL }), {})).toBe('auditor.b.c')
  await writeFile(path.join(dir.path, 'demo/auditor.header'), 'authorization: Bearer new.b.c\n')
  expect(await tokenFor('x', values(dir.path), {})).toBe('new.b.c')
})

test('the token of the demo is sent to nobody else', async () => {
  await using dir = temporaryDirectory()
  await demoIn(dir.path)
  const elsewhere = values(dir.path, { audit: 'http://audit.example' })
  expect(await tokenFor('x', elsewhere, {})).toBeUndefined()
  await using ended = temporaryDirectory()
  await demoIn(ended.path, 2 ** 30)
  expect(await tokenFor('x', values(ended.path), {})).toBeUndefined()
})

test('the option comes before the environment, and that before the demo', async () => {
  await using dir = temporaryDirectory()
  await demoIn(dir.path)
  const env = { VERDICT_TOKEN: 'env.b.c' }
  expect(await tokenFor('x', values(dir.path), env)).toBe('env.b.c')
  expect(await tokenFor('x', values(dir.path, { token: 'o.b.c' }), env)).toBe('o.b.c')
  const file = path.join(dir.path, 'token')
  await writeFile(file, 'file.b.c\n')
  expect(await tokenFor('x', values(dir.path, { token: `@${file}` }), env)).toBe('file.b.c')
  expect(await tokenFor('x', values(dir.path), { VERDICT_TOKEN: '' })).toBe('auditor.b.c')
})

test('what is no token is not sent', async () => {
  await using dir = temporaryDirectory()
  const given = (token: string) => tokenFor('x', values(dir.path, { token }), {})
  await expect(given('a\r\nb')).rejects.toThrow('holds no bearer token')
  await expect(given(`@${dir.path}/none`)).rejects.toThrow("can't be read")
  expect(bearer(undefined)).toEqual({})
  expect(bearer('a.b.c')).toEqual({ authorization: 'Bearer a.b.c' })
})
