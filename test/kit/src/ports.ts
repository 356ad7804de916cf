import { createServer } from 'node:net'

/**
 * Below the ports that the system gives to outgoing connections (32768 and up on Linux): one of
 * those that is free now may be somebody's own end of a connection when the server starts.
 */
const FIRST_PORT = 10_100
const LAST_PORT = 32_700
const TRIES_MAX = 50

/** A port of 127.0.0.1 on which nobody listens now. */
export async function freePort(): Promise<number> {
  return await freePorts(1)
}

/** The first of `count` ports in a row on which nobody listens now. */
export async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const room = LAST_PORT - FIRST_PORT - count
    const first = FIRST_PORT + Math.floor(Math.random() * room)
    const ports = Array.from({ length: count }, (_, offset) => first + offset)
    const free = await Promise.all(ports.map(isFree))
    if (free.every(Boolean)) return first
  }
  throw new Error(`no ${count} free ports in a row after ${TRIES_MAX} tries`)
}

/** Whether nobody listens on a port of 127.0.0.1 now. */
export async function isFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => resolve(true))
    })
  })
}
