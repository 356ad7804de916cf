import { createServer } from 'node:net'
import { CliError, CliErrorCode } from '../errors.ts'

/** Below those that the system gives to outgoing connections, which would get in the way. */
const FIRST_PORT = 10_100
const LAST_PORT = 32_700
const TRIES_MAX = 50

/** Ports of 127.0.0.1, in a row, on which nobody listens now. @throws {CliError} `port_in_use` */
export async function freePorts(count: number): Promise<number[]> {
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const room = LAST_PORT - FIRST_PORT - count
    const first = FIRST_PORT + Math.floor(Math.random() * room)
    const ports = Array.from({ length: count }, (_, offset) => first + offset)
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return ports
  }
  const message = `no ${count} free ports in a row after ${TRIES_MAX} tries`
  throw new CliError(CliErrorCode.portInUse, message)
}

async function isFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => resolve(true))
    })
  })
}
