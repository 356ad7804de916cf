import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import http2 from 'node:http2'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls, type SecureVersion } from 'node:tls'
import { freePorts, temporaryDirectory, waitFor } from '@verdict/kit'
import { createHealth, createLog, Registry, readConfig } from '@verdict/service'
import { afterEach, expect, test } from 'vitest'
import { settings } from '../config.ts'
import { frameMessage } from '../envoy/grpc-frame.ts'
import { HEALTH_METHOD } from '../envoy/health.ts'
import { AuthzError, AuthzErrorCode } from '../errors.ts'
import { AuthzEvents } from '../events.ts'
import { Listeners } from './listeners.ts'
import { prepareSockets } from './prepare-sockets.ts'
import { HANDSHAKE_TIMEOUT_MS } from './tls.ts'

const DEADLINE = { deadlineMs: 10_000 }
const POST = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' }

let stack = new AsyncDisposableStack()
afterEach(async () => {
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

async function setUp(env: Record<string, string> = {}) {
  const port = await freePorts(2)
  const config = readConfig(
    settings,
    { VERDICT_AUTHZ_HTTP_PORT: `${port}`, VERDICT_AUTHZ_GRPC_PORT: `${port + 1}`, ...env },
    'authz',
  )
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const log = createLog({ service: 'authz', instance: 'test', destination })
  const metrics = new Registry()
  const events = new AuthzEvents(log, metrics)
  const decider = {
    decide: async () => {
      throw new AuthzError(AuthzErrorCode.overloaded, 'nothing is decided here')
    },
  }
  const health = createHealth()
  const stopping = new AbortController().signal
  const context = {
    config,
    instance: 'test',
    worker: { index: 1, count: 1 },
    log,
    metrics,
    health,
    stopping,
    fail: () => undefined,
  }
  await prepareSockets(config)
  const listeners = stack.use(await Listeners.open(context, decider, events))
  return { listeners, httpPort: port, grpcPort: port + 1, output: () => lines.join('') }
}

function scratch(): string {
  return stack.use(temporaryDirectory()).path
}

interface Pair {
  readonly cert: string
  readonly key: string
}

/** A certificate for localhost; signed by `issuer`, or by itself. */
function makeCertificate(dir: string, name: string, issuer?: Pair): Pair {
  const cert = join(dir, `${name}.crt`)
  const key = join(dir, `${name}.key`)
  const signer = issuer === undefined ? [] : ['-CA', issuer.cert, '-CAkey', issuer.key]
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost']
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const files = ['-keyout', key, '-out', cert, '-days', '2']
  execFileSync('openssl', ['req', '-x509', ...kind, ...subject, ...files, ...signer], {
    stdio: 'ignore',
  })
  return { cert, key }
}

/** What a process leaves that is killed while it listens. */
function leaveSocket(path: string): void {
  const listen = `require('net').createServer().listen(process.argv[1], () => {
    process.kill(process.pid, 'SIGKILL')
  })`
  spawnSync(process.execPath, ['-e', listen, path])
  expect(statSync(path).isSocket()).toBe(true)
}

/** Whether somebody listens there. */
async function isTaken(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(port, '127.0.0.1', () => resolve(true))
  socket.once('error', () => resolve(false))
  try {
    return await promise
  } finally {
    socket.destroy()
  }
}

function tlsSettings({ cert, key }: Pair): Record<string, string> {
  return { VERDICT_AUTHZ_TLS_CERT: cert, VERDICT_AUTHZ_TLS_KEY: key }
}

/** The status of gRPC's own health check. */
async function grpcHealth(authority: string, options: http2.SecureClientSessionOptions = {}) {
  const session = http2.connect(authority, options)
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  session.on('error', reject)
  session.on('close', () => reject(new Error('the connection was closed')))
  const stream = session.request({ ...POST, ':path': HEALTH_METHOD })
  stream.on('error', reject)
  stream.on('trailers', (trailers) => resolve(trailers['grpc-status']))
  stream.resume()
  stream.end(frameMessage(Buffer.alloc(0)))
  return await promise.finally(() => session.destroy())
}

async function httpStatus(options: {
  readonly port?: number
  readonly socketPath?: string
  readonly tls?: object
}): Promise<number | undefined> {
  const { tls, ...rest } = options
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
  const target = { path: '/healthz', host: '127.0.0.1', agent: false as const, ...rest, ...tls }
  const send = tls === undefined ? httpRequest : httpsRequest
  send(target, (answer) => {
    answer.resume()
    resolve(answer.statusCode)
  })
    .on('error', reject)
    .end()
  return await promise
}

/** The name in the certificate that a port shows. */
async function shownName(port: number, maxVersion: SecureVersion = 'TLSv1.3') {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const options = { port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] }
  // OpenSSL's own default would refuse to offer what is older.
  const old = { minVersion: 'TLSv1' as const, ciphers: 'DEFAULT@SECLEVEL=0' }
  const socket = connectTls({ ...options, ...old, maxVersion }, () => {
    resolve({ name: socket.getPeerCertificate().subject.CN, alpn: socket.alpnProtocol })
  })
  socket.on('error', reject)
  return await promise.finally(() => socket.destroy())
}

test('both listeners speak TLS 1.2 and later, and gRPC says h2', async () => {
  const pair = makeCertificate(scratch(), 'one')
  const { httpPort, grpcPort } = await setUp(tlsSettings(pair))
  const tls = { rejectUnauthorized: false }
  expect(await httpStatus({ port: httpPort, tls })).toBe(200)
  expect(await grpcHealth(`https://127.0.0.1:${grpcPort}`, tls)).toBe('0')
  expect(await shownName(grpcPort, 'TLSv1.2')).toEqual({ name: 'one', alpn: 'h2' })
  await expect(shownName(grpcPort, 'TLSv1.1')).rejects.toThrow()
  await expect(httpStatus({ port: httpPort })).rejects.toThrow()
})

test(
  'who does not shake hands is cut off, on both ports',
  async () => {
    const { httpPort, grpcPort } = await setUp(tlsSettings(makeCertificate(scratch(), 'one')))
    const ends = [httpPort, grpcPort].map(async (port) => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => undefined).resume()
      await once(socket, 'close')
    })
    await Promise.all(ends)
    expect(await isTaken(grpcPort)).toBe(true)
  },
  3 * HANDSHAKE_TIMEOUT_MS,
)

test('a client without a certificate of the authority is refused under mutual TLS', async () => {
  const dir = scratch()
  const server = makeCertificate(dir, 'server')
  const authority = makeCertificate(dir, 'authority')
  const { httpPort, grpcPort } = await setUp({
    ...tlsSettings(server),
    VERDICT_AUTHZ_TLS_CLIENT_CA: authority.cert,
  })
  const read = ({ cert, key }: Pair): object => ({
    cert: readFileSync(cert),
    key: readFileSync(key),
    rejectUnauthorized: false,
  })
  const known = read(makeCertificate(dir, 'known', authority))
  expect(await httpStatus({ port: httpPort, tls: known })).toBe(200)
  expect(await grpcHealth(`https://127.0.0.1:${grpcPort}`, known)).toBe('0')
  for (const tls of [{ rejectUnauthorized: false }, read(makeCertificate(dir, 'stranger'))]) {
    await expect(httpStatus({ port: httpPort, tls })).rejects.toThrow()
    await expect(grpcHealth(`https://127.0.0.1:${grpcPort}`, tls)).rejects.toThrow()
  }
})

test('a new certificate is used at once, and one that is broken leaves the last', async () => {
  const dir = scratch()
  const served = makeCertificate(dir, 'served')
  const { httpPort, grpcPort, output } = await setUp(tlsSettings(served))
  writeFileSync(served.cert, 'no certificate')
  await waitFor(() => output().includes('certificate_refused'), { ...DEADLINE, what: 'refusal' })
  expect(await shownName(grpcPort)).toMatchObject({ name: 'served' })
  const next = makeCertificate(dir, 'next')
  renameSync(next.key, served.key)
  renameSync(next.cert, served.cert)
  const shows = async (port: number): Promise<boolean> =>
    JSON.stringify(await shownName(port).catch(() => '')).includes('next')
  await waitFor(async () => await shows(grpcPort), { ...DEADLINE, what: 'the new one' })
  const tls = { rejectUnauthorized: false }
  expect(await httpStatus({ port: httpPort, tls })).toBe(200)
})

test('a key of another certificate, or half of the settings, is told at the start', async () => {
  const dir = scratch()
  const [one, two] = [makeCertificate(dir, 'one'), makeCertificate(dir, 'two')]
  const mixed = setUp(tlsSettings({ cert: one.cert, key: two.key }))
  await expect(mixed).rejects.toMatchObject({ code: 'certificate_unusable' })
  const half = setUp({ VERDICT_AUTHZ_TLS_CERT: one.cert })
  await expect(half).rejects.toThrow('VERDICT_AUTHZ_TLS_KEY')
})

test('both listeners are also on their sockets, with the mode that is set', async () => {
  const dir = scratch()
  const [grpcSocket, httpSocket] = [join(dir, 'grpc.sock'), join(dir, 'http.sock')]
  const { listeners, grpcPort } = await setUp({
    VERDICT_AUTHZ_GRPC_SOCKET: grpcSocket,
    VERDICT_AUTHZ_HTTP_SOCKET: httpSocket,
    VERDICT_AUTHZ_SOCKET_MODE: '0600',
  })
  expect(await httpStatus({ socketPath: httpSocket })).toBe(200)
  const overSocket = { createConnection: () => connect(grpcSocket) }
  expect(await grpcHealth('http://localhost', overSocket)).toBe('0')
  expect(await grpcHealth(`http://127.0.0.1:${grpcPort}`)).toBe('0')
  expect(statSync(grpcSocket).mode & 0o777).toBe(0o600)
  await listeners[Symbol.asyncDispose]()
  expect(statSync(grpcSocket, { throwIfNoEntry: false })).toBeUndefined()
})

test('with the ports off there are the sockets alone', async () => {
  const dir = scratch()
  const [grpcSocket, httpSocket] = [join(dir, 'grpc.sock'), join(dir, 'http.sock')]
  const { listeners, grpcPort, httpPort } = await setUp({
    VERDICT_AUTHZ_GRPC_PORT: 'off',
    VERDICT_AUTHZ_HTTP_PORT: 'off',
    VERDICT_AUTHZ_GRPC_SOCKET: grpcSocket,
    VERDICT_AUTHZ_HTTP_SOCKET: httpSocket,
  })
  expect(await httpStatus({ socketPath: httpSocket })).toBe(200)
  const overSocket = { createConnection: () => connect(grpcSocket) }
  expect(await grpcHealth('http://localhost', overSocket)).toBe('0')
  for (const port of [grpcPort, httpPort]) expect(await isTaken(port)).toBe(false)
  await listeners[Symbol.asyncDispose]()
  expect(statSync(httpSocket, { throwIfNoEntry: false })).toBeUndefined()
})

test('with everything off nothing is opened, and a stop is a stop', async () => {
  const off = { VERDICT_AUTHZ_GRPC_PORT: 'off', VERDICT_AUTHZ_HTTP_PORT: 'off' }
  const { listeners, grpcPort, httpPort } = await setUp(off)
  for (const port of [grpcPort, httpPort]) expect(await isTaken(port)).toBe(false)
  await listeners[Symbol.asyncDispose]()
})

test('the socket of a dead process is replaced, and that of a live one is an error', async () => {
  const path = join(scratch(), 'grpc.sock')
  leaveSocket(path)
  await setUp({ VERDICT_AUTHZ_GRPC_SOCKET: path })
  const overSocket = { createConnection: () => connect(path) }
  expect(await grpcHealth('http://localhost', overSocket)).toBe('0')
  const second = setUp({ VERDICT_AUTHZ_GRPC_SOCKET: path })
  await expect(second).rejects.toThrow('VERDICT_AUTHZ_GRPC_SOCKET')
  expect(await grpcHealth('http://localhost', overSocket)).toBe('0')
})

test('a file that is no socket is kept', async () => {
  const path = join(scratch(), 'precious')
  writeFileSync(path, 'kept')
  const opened = setUp({ VERDICT_AUTHZ_HTTP_SOCKET: path })
  await expect(opened).rejects.toThrow('VERDICT_AUTHZ_HTTP_SOCKET')
  expect(statSync(path).size).toBe(4)
})

test.runIf(process.platform === 'linux')('on Linux an abstract name has no file', async () => {
  const name = `verdict-test-${process.pid}`
  await setUp({ VERDICT_AUTHZ_GRPC_SOCKET: `@${name}` })
  const overSocket = { createConnection: () => connect(`\0${name}`) }
  expect(await grpcHealth('http://localhost', overSocket)).toBe('0')
})
