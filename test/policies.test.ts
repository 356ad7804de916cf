import { execFile, execFileSync } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { opaBinary, temporaryDirectory } from '@verdict/kit'
import { buildBundle, loadPolicy } from '@verdict/policy'
import { describe, expect, test } from 'vitest'

/** The policies shipped: each of their Rego tests counts as a test of ours. */

const POLICIES = resolve(import.meta.dirname, '../policies')
const TIMEOUT_MS = 60_000

interface RegoResult {
  readonly package: string
  readonly name: string
  readonly location: { readonly file: string; readonly row: number }
  readonly fail?: boolean
  readonly skip?: boolean
  readonly error?: { readonly message: string }
}

interface Coverage {
  readonly files: Readonly<Record<string, { readonly not_covered?: readonly object[] }>>
}

const opa = await opaBinary()

/** What `opa` prints, also where it ends with an exit code that says that tests failed. */
function ask(...args: string[]): unknown {
  const call = { cwd: POLICIES, timeout: TIMEOUT_MS, encoding: 'utf8' } as const
  try {
    return JSON.parse(execFileSync(opa, args, call))
  } catch (error) {
    const { stdout } = error as { stdout?: string }
    if (!stdout) throw error
    return JSON.parse(stdout)
  }
}

const results = ask('test', '--format', 'json', '.') as RegoResult[]

describe('Rego', () => {
  for (const result of results) {
    test(`${result.package}.${result.name}`, () => {
      expect(result).not.toHaveProperty('error')
      expect(result).not.toHaveProperty('fail')
      expect(result).not.toHaveProperty('skip')
    })
  }
})

test('the policies pass `opa check --strict`', async () => {
  const checked = promisify(execFile)(opa, ['check', '--strict', POLICIES], { timeout: TIMEOUT_MS })
  await expect(checked).resolves.toMatchObject({ stdout: '', stderr: '' })
})

test('the policies are formatted by `opa fmt`', async () => {
  const list = promisify(execFile)(opa, ['fmt', '--list', POLICIES], { timeout: TIMEOUT_MS })
  await expect(list).resolves.toMatchObject({ stdout: '' })
})

test('the Rego tests reach every rule, and every line of it', () => {
  const { files } = ask('test', '--coverage', '--format', 'json', '.') as Coverage
  const missed = Object.entries(files)
    .filter(([, { not_covered }]) => not_covered !== undefined)
    .map(([file, { not_covered }]) => ({ file, not_covered }))
  expect(missed).toEqual([])
  expect(Object.keys(files)).toEqual(expect.arrayContaining(['authz.rego', 'denials.rego']))
})

test('compiled, the policies answer as OPA does', async () => {
  await using cache = temporaryDirectory()
  const entrypoints = ['envoy/authz/allow']
  const options = { opa, sources: POLICIES, entrypoints, cacheDir: cache.path }
  const policy = await loadPolicy(await buildBundle(options))
  const reasons = new Set<unknown>()
  for (const input of requests()) {
    const compiled = policy.evaluate('envoy/authz/allow', input)
    const args = ['eval', '--data', POLICIES, '--stdin-input', '--format', 'raw']
    const interpreted = execFileSync(opa, [...args, 'data.envoy.authz.allow'], {
      input: JSON.stringify(input),
      timeout: TIMEOUT_MS,
    })
    expect(compiled).toEqual(JSON.parse(interpreted.toString()))
    reasons.add((compiled as { reason: string }).reason)
  }
  expect(reasons.size).toBeGreaterThanOrEqual(8)
}, 60_000)

function* requests(): Generator<object> {
  const alice = {
    status: 'verified',
    issuer: 'https://demo.verdict.example',
    subject: 'alice',
    claims: { roles: ['customer'] },
  }
  const callers = [
    alice,
    { ...alice, subject: 'carol' },
    { status: 'anonymous' },
    { ...alice, workload: workload('web') },
    { status: 'anonymous', workload: workload('tool', 'dev') },
  ]
  const asked = [
    ['GET', '/healthz'],
    ['GET', '/catalog/1'],
    ['POST', '/orders'],
    ['POST', '/payments/1/refund'],
    ['POST', '/foo'],
    ['GET', '/ledger'],
  ] as const
  for (const identity of callers) {
    for (const [method, path] of asked) {
      const segments = path.slice(1).split('/')
      const http = { method, path, host: `${segments[0]}.shop` }
      yield { attributes: { request: { http } }, identity, parsed_path: segments }
    }
  }
}

function workload(serviceAccount: string, namespace = 'shop'): object {
  const path = `/ns/${namespace}/sa/${serviceAccount}`
  const trustDomain = 'shop.example'
  return { id: `spiffe://${trustDomain}${path}`, trustDomain, path, namespace, serviceAccount }
}
