import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { freePort, isFree } from './ports.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { waitFor } from './wait-for.ts'

test('a wait ends with the first truthy answer', async () => {
  let asked = 0
  const answer = await waitFor(() => (++asked === 3 ? 'yes' : ''), {
    deadlineMs: 5_000,
    what: 'it',
  })
  expect([answer, asked]).toEqual(['yes', 3])
})

test('a wait in vain says what for', async () => {
  const never = { deadlineMs: 50, what: 'Godot' }
  await expect(waitFor(() => false, never)).rejects.toThrow('waited in vain for Godot, 50 ms long')
  await expect(waitFor(() => new Promise(() => {}), never)).rejects.toThrow('Godot')
})

test('an error of the condition ends the wait', async () => {
  const condition = (): never => {
    throw new Error('it is dead')
  }
  await expect(waitFor(condition, { deadlineMs: 5_000, what: 'it' })).rejects.toThrow('it is dead')
})

test('a free port can be listened on, and a port that is taken is not free', async () => {
  const port = await freePort()
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  expect(await isFree(port)).toBe(false)
  server.close()
})

test('a temporary directory goes with all that is in it', async () => {
  const { existsSync, writeFileSync } = await import('node:fs')
  let path = ''
  {
    await using directory = temporaryDirectory()
    path = directory.path
    writeFileSync(`${path}/file`, 'x')
  }
  expect(existsSync(path)).toBe(false)
})
