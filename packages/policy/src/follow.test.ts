import { readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { opaBinary, temporaryDirectory, waitFor, writeFiles } from '@verdict/kit'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import type { PolicyError } from './errors.ts'
import { folderChanges } from './folder-changes.ts'
import { type FollowedPolicies, type FollowOptions, followPolicies } from './follow.ts'

const opa = await opaBinary()
vi.setConfig({ testTimeout: 60_000 })
const DEADLINE_MS = 20_000

let scratch: string
let sources: string

beforeEach(() => {
  const directory = temporaryDirectory()
  onTestFinished(async () => await directory[Symbol.asyncDispose]())
  scratch = directory.path
  sources = join(scratch, 'policies')
  writePolicy(1)
})

function writePolicy(value: number | string, file = 'p.rego'): void {
  writeFiles(sources, { [file]: `package p\n\nx := ${value}\n` })
}

function script(file: string, commands: string): void {
  writeFileSync(`${file}.part`, `#!/bin/sh\n${commands}\n`, { mode: 0o755 })
  renameSync(`${file}.part`, file)
}

function lines(file: string): string[] {
  return readFileSync(file, 'utf8').trim().split('\n')
}

/** Resolves after a follower of the folder has had the time of so many polls. */
async function lookedAt(folder: string, times: number): Promise<void> {
  const stop = new AbortController()
  let looks = 0
  for await (const _ of folderChanges(folder, { pollMs: 1_000, signal: stop.signal })) {
    if (++looks === times) stop.abort()
  }
}

/** What was followed, and what it said. */
interface Followed {
  readonly policies: FollowedPolicies
  readonly activated: readonly string[]
  readonly refused: readonly PolicyError[]
  readonly order: readonly ('active' | 'refused')[]
  answer(): unknown
  stop(): Promise<void>
}

async function follow(options: Partial<FollowOptions> = {}): Promise<Followed> {
  const stop = new AbortController()
  const activated: string[] = []
  const refused: PolicyError[] = []
  const order: ('active' | 'refused')[] = []
  const policies = await followPolicies({
    opa,
    sources,
    entrypoints: ['p/x'],
    cacheDir: join(scratch, 'cache'),
    signal: stop.signal,
    onActive: (policy, bundle) => {
      expect(policy.revision).toBe(bundle.revision)
      activated.push(policy.revision)
      order.push('active')
    },
    onRefused: (error) => {
      refused.push(error)
      order.push('refused')
    },
    ...options,
  })
  const end = async (): Promise<void> => {
    stop.abort()
    await policies.done
  }
  onTestFinished(end)
  const answer = () => policies.active.evaluate('p/x', {})
  return { policies, activated, refused, order, answer, stop: end }
}

async function answers(followed: Followed, value: unknown): Promise<void> {
  await waitFor(() => followed.answer() === value, {
    deadlineMs: DEADLINE_MS,
    what: `the policy to answer ${value}`,
  })
}

async function refusals(followed: Followed, count: number): Promise<void> {
  await waitFor(() => followed.refused.length >= count, {
    deadlineMs: DEADLINE_MS,
    what: `${count} contents to be refused`,
  })
}

test('a changed file takes effect, and each policy is told once', async () => {
  const followed = await follow()
  expect(followed.answer()).toBe(1)
  writePolicy(2)
  await answers(followed, 2)
  writeFiles(sources, { 'p.rego': 'package p\n\nx := data.sub.n\n', 'sub/d.json': '{"n": 3}' })
  await answers(followed, 3)
  writeFiles(sources, { 'sub/d.json': '{"n": 4}' })
  await answers(followed, 4)
  rmSync(join(sources, 'sub/d.json'))
  await answers(followed, undefined)
  expect(new Set(followed.activated).size).toBe(followed.activated.length)
  expect(followed.refused).toEqual([])
})

test('a policy that does not compile is told by line, and the last good one stays', async () => {
  const followed = await follow()
  writePolicy('nothing.known(1)')
  await refusals(followed, 1)
  expect(followed.refused[0]?.message).toContain('p.rego:3: undefined function nothing.known')
  expect(followed.answer()).toBe(1)
  writePolicy(2)
  await answers(followed, 2)
  expect(followed.refused).toHaveLength(1)
})

test('a policy that fails its tests never becomes active', async () => {
  writeFiles(sources, { 'p_test.rego': 'package p_test\n\ntest_x if data.p.x < 10\n' })
  const followed = await follow()
  writePolicy(11)
  await refusals(followed, 1)
  expect(followed.refused[0]).toMatchObject({ code: 'tests_failed' })
  expect(followed.refused[0]?.message).toContain('p_test.rego:3: test_x')
  expect(followed.answer()).toBe(1)
})

test('a policy that cannot be loaded never becomes active', async () => {
  const followed = await follow()
  writePolicy('net.lookup_ip_addr("a")')
  await refusals(followed, 1)
  expect(followed.refused[0]).toMatchObject({ code: 'builtin_unsupported' })
  expect(followed.answer()).toBe(1)
})

test('what was refused is told once for each content, however often it is written', async () => {
  const followed = await follow()
  writePolicy('broken(1)')
  await refusals(followed, 1)
  writePolicy('broken(1)')
  writeFiles(sources, { 'notes.txt': 'no policy' })
  writePolicy('broken(2)')
  await refusals(followed, 2)
  writePolicy(2)
  await answers(followed, 2)
  expect(followed.refused).toHaveLength(2)
})

test('a folder that returns to the active policy is told to be good again', async () => {
  const followed = await follow()
  writePolicy('broken(1)')
  await refusals(followed, 1)
  writePolicy(1)
  await waitFor(() => followed.activated.length === 2, {
    deadlineMs: DEADLINE_MS,
    what: 'the active policy to be told again',
  })
  expect(new Set(followed.activated).size).toBe(1)
})

test('a folder that is taken away and put back is followed on', async () => {
  const followed = await follow()
  renameSync(sources, `${sources}.away`)
  await refusals(followed, 1)
  expect(followed.refused[0]).toMatchObject({ code: 'sources_unreadable' })
  expect(followed.answer()).toBe(1)
  renameSync(`${sources}.away`, sources)
  await waitFor(() => followed.activated.length === 2, {
    deadlineMs: DEADLINE_MS,
    what: 'the folder to be good again',
  })
  writePolicy(2)
  await answers(followed, 2)
})

test('a change behind a link is found', async () => {
  rmSync(sources, { recursive: true })
  writeFiles(scratch, {
    'elsewhere/p.rego': 'package p\n\nx := 1\n',
    'policies/q.rego': 'package q',
  })
  symlinkSync(join(scratch, 'elsewhere'), join(sources, 'linked'))
  const followed = await follow()
  writeFiles(scratch, { 'elsewhere/p.rego': 'package p\n\nx := 2\n' })
  await answers(followed, 2)
})

test('a start with a broken folder says so and goes on with what ran last', async () => {
  await (await follow()).stop()
  writePolicy('broken(1)')
  const followed = await follow()
  expect(followed.order).toEqual(['refused', 'active'])
  expect(followed.refused[0]?.message).toContain('p.rego:3')
  expect(followed.answer()).toBe(1)
  writePolicy(2)
  await answers(followed, 2)
})

test('a start with a missing folder goes on with the policy that ran last', async () => {
  await (await follow()).stop()
  rmSync(sources, { recursive: true })
  const followed = await follow()
  expect(followed.refused[0]).toMatchObject({ code: 'sources_unreadable' })
  expect(followed.answer()).toBe(1)
})

test('the policy that ran last is the one that was activated last', async () => {
  const first = await follow()
  writePolicy(2)
  await answers(first, 2)
  await first.stop()
  writePolicy('broken(1)')
  expect((await follow()).answer()).toBe(2)
})

test('a broken folder without a last good policy stops the start', async () => {
  writePolicy('broken(1)')
  await expect(follow()).rejects.toMatchObject({ code: 'policy_refused' })
})

test('the last good policy of another folder or another entrypoint is not used', async () => {
  await (await follow()).stop()
  const other = join(scratch, 'other')
  writeFiles(other, { 'p.rego': 'package' })
  await expect(follow({ sources: other })).rejects.toMatchObject({ code: 'policy_refused' })
  await expect(follow({ entrypoints: ['p/y'] })).rejects.toMatchObject({ code: 'policy_refused' })
})

test('what was refused is not built again and again', async () => {
  const calls = join(scratch, 'calls')
  const counting = join(scratch, 'opa')
  script(counting, `echo "$1" >> ${calls}\nexec ${opa} "$@"`)
  const followed = await follow({ opa: counting })
  writePolicy('broken(1)')
  await refusals(followed, 1)
  await lookedAt(sources, 3)
  expect(lines(calls)).toEqual(['check', 'test', 'build', 'build', 'check'])
})

test('a fault of the machine is told once and tried again by itself', async () => {
  await (await follow()).stop()
  const calls = join(scratch, 'calls')
  const failing = join(scratch, 'opa')
  script(failing, `echo "$1" >> ${calls}\nexit 1`)
  writePolicy(2)
  const followed = await follow({ opa: failing, retryMs: 1 })
  await waitFor(() => lines(calls).length >= 3, { deadlineMs: DEADLINE_MS, what: 'three tries' })
  expect(followed.refused).toMatchObject([{ code: 'opa_failed' }])
  expect(followed.answer()).toBe(1)
  script(failing, `exec ${opa} "$@"`)
  await answers(followed, 2)
})

test('after the abort nothing is followed, and the policy answers on', async () => {
  const followed = await follow()
  await followed.stop()
  writePolicy(2)
  expect(followed.answer()).toBe(1)
})
