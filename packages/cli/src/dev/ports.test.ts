import { once } from 'node:events'
import { createServer } from 'node:net'
import { freePort } from '@verdict/kit'
import { expect, test } from 'vitest'
import { checkPorts, portsFrom } from './ports.ts'

test('without a base each port is its default, with one it follows the base', () => {
  expect(portsFrom(undefined)).toMatchObject({ authzHttp: 8181, authzGrpc: 9191, nats: 4222 })
  expect(portsFrom(20_000)).toMatchObject({ authzHttp: 20_000, authzGrpc: 20_001, nats: 20_005 })
})

test('a port in use is one message with the port, who needs it and the way out', async () => {
  const ports = { ...portsFrom(undefined), authzGrpc: await freePort(), nats: await freePort() }
  await checkPorts(ports, ['authzGrpc', 'nats'], '127.0.0.1')
  const taken = createServer().listen(ports.authzGrpc, '127.0.0.1')
  await once(taken, 'listening')
  try {
    await expect(checkPorts(ports, ['authzGrpc', 'nats'], '127.0.0.1')).rejects.toMatchObject({
      code: 'port_in_use',
      message:
        `port ${ports.authzGrpc} (authz, gRPC) is in use by another program: end it, ` +
        'or pass `--port-base N`, which moves every port',
    })
  } finally {
    taken.close()
  }
})
