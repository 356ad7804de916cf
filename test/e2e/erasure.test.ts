import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { encodePersonalKeyFile, encodePersonalKeys, newSealingKeys } from '@verdict/contract'
import {
  remembered,
  type ServiceProcess,
  ServiceProcess as Services,
  startBus,
  startDecisionPoint,
  startIdentityResponder,
  temporaryDirectory,
  waitFor,
} from '@verdict/kit'
import { expect, test } from 'vitest'

/** From the decision point to the log: masks, drops, keys of subjects, and erasure; docs/erasure.md. */

const POLICIES = {
  'p.rego': 'package p\n\nallow if input.identity.status == "verified"\n',
  'log.rego': `package system.log

mask contains "/request/path" if startswith(input.request.path, "/secret")

drop if input.request.path == "/health"
`,
}
const SOON = { deadlineMs: 30_000 }

interface Found {
  readonly decisions: readonly {
    readonly opened?: readonly string[]
    readonly record: Readonly<Record<string, unknown>>
  }[]
}

/** As `verdict audit personal-keys` makes them. */
function makeKeys(keyStore: string, out: string): void {
  const pair = newSealingKeys()
  const pseudonym = { period: '1', key: randomBytes(32) }
  mkdirSync(keyStore)
  for (const file of [
    { kind: 'sealing', pair } as const,
    { kind: 'pseudonym', pseudonym } as const,
  ]) {
    const { name, text } = encodePersonalKeyFile({ ...file, fromMs: Date.now() })
    writeFileSync(path.join(keyStore, name), text)
  }
  writeFileSync(out, encodePersonalKeys({ pseudonym, sealingKey: pair.publicKey }))
}

function bytesIn(dir: string): string {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return files.map((file) => readFileSync(path.join(file.parentPath, file.name), 'latin1')).join()
}

test('a subject is in the log under a key, and erased by destroying it', async () => {
  await using scratch = temporaryDirectory()
  const at = (name: string): string => path.join(scratch.path, name)
  makeKeys(at('keys'), at('personal.json'))
  await using bus = await startBus()
  await using _identities = await startIdentityResponder(bus, ({ authorization = '' }) =>
    remembered({ status: 'verified', subject: authorization.replace('Bearer ', '') }),
  )
  await using audit: ServiceProcess = await Services.start('audit', bus, {
    VERDICT_AUDIT_DATA_DIR: at('audit'),
    VERDICT_AUDIT_KEY_STORE: at('keys'),
  })
  await using point = await startDecisionPoint({
    ...{ bus, policies: POLICIES, entrypoint: 'p/allow' },
    settings: { VERDICT_AUTHZ_PERSONAL_KEYS: at('personal.json') },
  })
  const ask = async (subject: string, path: string): Promise<number> => {
    const headers = { authorization: `Bearer ${subject}` }
    return (await fetch(point.process.url(`/check${path}`), { headers })).status
  }
  for (const subject of ['alice', 'bob', 'alice']) expect(await ask(subject, '/orders')).toBe(200)
  expect(await ask('alice', '/secret/7')).toBe(200)
  expect(await ask('alice', '/health')).toBe(200)

  const of = async (subject: string): Promise<Found['decisions']> =>
    (await audit.get<Found>(`/v1/decisions?principal=${subject}`)).decisions
  const all = async (): Promise<boolean> =>
    (await of('alice')).length === 3 && (await of('bob')).length === 1
  await waitFor(all, { ...SOON, what: 'the records of both subjects' })
  expect((await of('alice'))[0]).toMatchObject({
    opened: expect.arrayContaining(['principal', 'identity.subject', 'source.address']),
    record: {
      erased: ['/request/path'],
      principal: 'alice',
      request: { path: '[masked]' },
      source: { address: '127.0.0.1' },
    },
  })
  const written = `${bytesIn(path.join(point.directory, 'data'))}${bytesIn(at('audit'))}`
  expect(written).toContain('"dropped":{"count":1,"outcome":"allow"}')
  expect(written).not.toMatch(/alice|\/secret\/7|\/health/)

  const answer = await fetch(audit.url('/v1/erasures'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ subject: 'alice', reason: 'request 17' }),
  })
  expect(answer.status).toBe(200)
  const { leaf } = (await answer.json()) as { leaf: number }
  expect(leaf).toBeGreaterThan(4)
  const log = bytesIn(at('audit'))
  expect(log).toContain('"reason":"request 17"')
  expect(await of('alice')).toHaveLength(3)
  for (const { opened, record } of await of('alice')) {
    expect(opened).toBeUndefined()
    expect(record['principal']).toMatch(/^enc:/)
  }
  expect((await of('bob'))[0]?.record['principal']).toBe('bob')
}, 120_000)
