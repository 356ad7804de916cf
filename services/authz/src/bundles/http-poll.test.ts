import { writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { temporaryDirectory, waitFor } from '@verdict/kit'
import { expect, onTestFinished, test } from 'vitest'
import type { HttpSource } from './bundle-source.ts'
import { pollBundle } from './http-poll.ts'

const SOON = { deadlineMs: 20_000 }

type Answer = (request: IncomingMessage, response: ServerResponse, nth: number) => void

/** A bundle server, and what is polled of it. */
async function polling(answer: Answer, more: Partial<HttpSource> = {}, etag?: string) {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    answer(request, response, requests.length)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/b?secret=1`)
  const source = { kind: 'http', url, minDelayMs: 100, maxDelayMs: 100, sizeMax: 1_000 } as const
  const archives: string[] = []
  const errors: (Error & { code?: string })[] = []
  const told: { unchanged: number; failing: boolean } = { unchanged: 0, failing: false }
  const ending = new AbortController()
  const done = pollBundle({
    source: { ...source, ...more },
    etag,
    onArchive: async (archive) => {
      if (told.failing) throw new Error('the disk is full')
      archives.push(Buffer.from(archive).toString())
    },
    onUnchanged: () => void told.unchanged++,
    onError: (error) => void errors.push(error as Error),
    signal: ending.signal,
  })
  onTestFinished(async () => {
    ending.abort()
    await done
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { requests, archives, errors, told, ending, done }
}

test('what is there already is not sent again', async () => {
  const { requests, archives, told } = await polling((request, response) => {
    const known = request.headers['if-none-match'] === '"1"'
    response.writeHead(known ? 304 : 200, { etag: '"1"' }).end(known ? undefined : 'one')
  })
  await waitFor(() => told.unchanged > 1, { ...SOON, what: 'two answers without news' })
  expect(archives).toEqual(['one'])
  expect(requests[0]?.headers['if-none-match']).toBeUndefined()
  expect(requests[0]?.headers['prefer']).toBe('modes=snapshot')
})

test('a start with an archive asks for a newer one only', async () => {
  const { requests, told } = await polling(
    (_, response) => response.writeHead(304).end(),
    {},
    '"7"',
  )
  await waitFor(() => told.unchanged > 0, { ...SOON, what: 'an answer without news' })
  expect(requests[0]?.headers['if-none-match']).toBe('"7"')
})

test('an archive that could not be taken is asked for again', async () => {
  const { archives, errors, told } = await polling((request, response) => {
    const known = request.headers['if-none-match'] !== undefined
    response.writeHead(known ? 304 : 200, { etag: '"1"' }).end(known ? undefined : 'one')
  })
  told.failing = true
  await waitFor(() => errors.length > 0, { ...SOON, what: 'a failure' })
  told.failing = false
  await waitFor(() => archives.length > 0, { ...SOON, what: 'the archive' })
})

const POLLS = 'application/vnd.openpolicyagent.bundles'

test('a server that can is asked to wait, and again at once when it has answered', async () => {
  const held: ServerResponse[] = []
  const { requests, archives } = await polling(
    (_, response, nth) => {
      if (nth === 2) held.push(response)
      else response.writeHead(200, { 'content-type': POLLS, etag: `"${nth}"` }).end(`${nth}`)
    },
    { longPollS: 30, minDelayMs: 3_600_000, maxDelayMs: 3_600_000 },
  )
  await waitFor(() => held.length > 0, { ...SOON, what: 'the second question' })
  expect(requests[1]?.headers['prefer']).toBe('modes=snapshot;wait=30')
  expect(archives).toEqual(['1'])
  held[0]?.writeHead(200, { 'content-type': POLLS, etag: '"2"' }).end('2')
  await waitFor(() => archives.length >= 3, { ...SOON, what: 'the archive of the third question' })
  expect(archives.slice(0, 3)).toEqual(['1', '2', '3'])
})

test('a server that can not wait is not asked to after its first answer', async () => {
  const { requests } = await polling(
    (_, response) => response.writeHead(200, { 'content-type': 'application/gzip' }).end('x'),
    { longPollS: 30 },
  )
  await waitFor(() => requests.length > 1, { ...SOON, what: 'a second question' })
  expect(requests[0]?.headers['prefer']).toBe('modes=snapshot;wait=30')
  expect(requests[1]?.headers['prefer']).toBe('modes=snapshot')
})

test('the token is read anew for each request', async () => {
  await using folder = temporaryDirectory()
  const tokenFile = join(folder.path, 'token')
  writeFileSync(tokenFile, 'first\n')
  const { requests, errors } = await polling(
    (_, response) => response.writeHead(304).end(),
    { tokenFile },
    '"1"',
  )
  await waitFor(() => requests.length > 0, { ...SOON, what: 'a question' })
  expect(requests[0]?.headers.authorization).toBe('Bearer first')
  writeFileSync(tokenFile, 'second')
  const latest = () => requests.at(-1)?.headers.authorization
  await waitFor(() => latest() === 'Bearer second', { ...SOON, what: 'the second token' })
  writeFileSync(tokenFile, 'two words')
  await waitFor(() => errors.length > 0, { ...SOON, what: 'a refusal' })
  expect(errors[0]?.code).toBe('bundle_unreachable')
  expect(errors[0]?.message).not.toContain('two')
})

test.each([
  ['a failing server', 'bundle_unreachable', 503, {}],
  ['a redirect', 'bundle_unreachable', 302, { location: '/other' }],
  ['a name that is not there', 'bundle_withdrawn', 404, {}],
  ['a length beyond the bound', 'bundle_too_large', 200, { 'content-length': '1001' }],
])('%s is told as %s, and asked again', async (_name, code, status, headers) => {
  const { requests, archives, errors } = await polling((_, response) =>
    response.writeHead(status, headers).end('x'.repeat(1_001)),
  )
  await waitFor(() => requests.length > 1, { ...SOON, what: 'a second question' })
  expect(errors[0]?.code).toBe(code)
  expect(errors[0]?.message).not.toContain('secret')
  expect(archives).toEqual([])
})

test('an answer without end is cut off at the bound', async () => {
  const { errors } = await polling((_, response) => {
    response.writeHead(200)
    const more = (): void => void (response.writable && response.write('x'.repeat(500), more))
    more()
  })
  await waitFor(() => errors.length > 0, { ...SOON, what: 'a refusal' })
  expect(errors[0]?.code).toBe('bundle_too_large')
})

test('the end does not wait for an answer', async () => {
  const { requests, ending, done, errors } = await polling(() => undefined, { longPollS: 240 })
  await waitFor(() => requests.length > 0, { ...SOON, what: 'a question' })
  ending.abort()
  await done
  expect(errors).toEqual([])
})
