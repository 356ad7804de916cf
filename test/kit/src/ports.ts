import { createServer } from 'node:net'

/**
 * A port of 127.0.0.1 on which nobody listens now: `wanted`, or any. Rejects where `wanted` is
 * taken.
 */
export async function freePort(wanted = 0): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const server = createServer()
  server.once('error', reject)
  server.listen({ port: wanted, host: '127.0.0.1', exclusive: true }, () => {
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    server.close(() => {
      if (port === undefined) reject(new Error('the listener has no port'))
      else resolve(port)
    })
  })
  return await promise
}
