import path from 'node:path'
import { DECISIONS } from '@verdict/contract'
import { freePort, natsServerBinary, temporaryDirectory } from '@verdict/kit'
import { expect, test } from 'vitest'
import { connectBus } from './connect.ts'
import { createKeys, seedFile } from './keys.ts'
import { startNatsServer } from './nats-server.ts'
import { provision } from './provision.ts'
import { storeBytesOn, storeBytesWithin } from './store-size.ts'

const GIB = 1024 ** 3

test('streams take what they need, and never more than 70 % of the disk', () => {
  expect(storeBytesWithin(100 * GIB, 7 * GIB)).toBe(7 * GIB)
  expect(storeBytesWithin(10 * GIB, 8 * GIB)).toBe(7 * GIB)
  expect(storeBytesOn('.', 1)).toBe(1)
  expect(storeBytesOn('.', Number.MAX_SAFE_INTEGER)).toBeLessThan(Number.MAX_SAFE_INTEGER)
})

test('a stream for which the server has no room is refused with what to do', async () => {
  await using dir = temporaryDirectory()
  const [keysDir, storeBytesMax] = [path.join(dir.path, 'keys'), 64 * 1024 ** 2]
  await createKeys(keysDir)
  const [binary, port] = [await natsServerBinary(), await freePort()]
  const server = await startNatsServer({ binary, dir: dir.path, port, keysDir, storeBytesMax })
  const role = 'provisioner'
  try {
    const name = 'test provisioner'
    const nc = await connectBus({ url: server.url, role, seedFile: seedFile(keysDir, role), name })
    const capacity = { replicas: 1, maxBytes: DECISIONS.maxBytes }
    await expect(provision(nc, capacity)).rejects.toMatchObject({
      code: 'stream_too_large',
      message: expect.stringContaining('or the stream fewer bytes'),
    })
    await nc.close()
  } finally {
    await server.stop()
  }
})
