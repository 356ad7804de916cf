import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { connect } from 'node:tls'
import {
  type DecisionPoint,
  freePort,
  startBus,
  startDecisionPoint,
  startGateway,
  startIdentityResponder,
  streamLines,
  type TestBus,
  temporaryDirectory,
  waitFor,
} from '@verdict/kit'
import { locate } from '@verdict/toolchain'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

/** A real Envoy with deploy/envoy/tcp.yaml in front of a service that speaks no HTTP. */

const envoy = await locate('envoy')
const without = envoy === undefined ? ': left out, none can be had here' : ''
const DEADLINE_MS = 30_000
const CART = 'spiffe://shop.example/ns/shop/sa/cart'
const OTHER = 'spiffe://shop.example/ns/shop/sa/other'

function policy(port: number): string {
  return `package envoy.authz

default allow := {"allowed": false, "reason": "not_for_you"}

allow := {"allowed": true, "reason": "cart"} if {
	not input.attributes.request.http
	input.parsed_path == [""]
	input.parsed_query == {}
	not input.ambiguities
	input.source_principal == "${CART}"
	input.attributes.destination.address.socketAddress.portValue == ${port}
	input.attributes.tlsSession.sni == "db.shop.example"
	startswith(input.attributes.source.certificate, "-----BEGIN%20CERTIFICATE-----")
}
`
}

/** Certificates of one authority by name: of the server, and of two workloads. */
function makeCertificates(dir: string): Record<string, string> {
  const files: Record<string, string> = {}
  const make = (name: string, san: string, signer: readonly string[]): void => {
    const [key, cert] = [join(dir, `${name}.key`), join(dir, `${name}.pem`)]
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    const names = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${san}`]
    const out = ['-keyout', key, '-out', cert, '-days', '2']
    execFileSync('openssl', ['req', '-x509', ...kind, ...names, ...out, ...signer], {
      stdio: 'ignore',
    })
    files[`tls/${name}.key`] = readFileSync(key, 'utf8')
    files[`tls/${name}.pem`] = readFileSync(cert, 'utf8')
  }
  make('ca', 'DNS:ca.shop.example', [])
  const signer = ['-CA', join(dir, 'ca.pem'), '-CAkey', join(dir, 'ca.key')]
  make('server', 'DNS:db.shop.example', signer)
  make('cart', `URI:${CART}`, signer)
  make('other', `URI:${OTHER}`, signer)
  return files
}

describe.skipIf(envoy === undefined)(`TCP behind a real Envoy${without}`, () => {
  const resources = new AsyncDisposableStack()
  let bus: TestBus
  let point: DecisionPoint
  let upstream: Server
  let files: Record<string, string>
  let listen: number
  let passedOn = 0

  beforeAll(async () => {
    files = makeCertificates(resources.use(temporaryDirectory()).path)
    listen = await freePort()
    upstream = createServer((socket) => {
      socket.on('data', (part) => {
        passedOn += part.length
      })
      socket.on('error', () => undefined).pipe(socket)
    })
    upstream.listen(0, '127.0.0.1')
    await once(upstream, 'listening')
    resources.defer(() => void upstream.close())
    bus = resources.use(await startBus())
    resources.use(await startIdentityResponder(bus))
    const policies = { 'authz.rego': policy(listen) }
    point = resources.use(await startDecisionPoint({ bus, policies }))
    const ports = {
      listen,
      authz: point.grpcPort,
      upstream: (upstream.address() as AddressInfo).port,
    }
    resources.use(await startGateway('envoyTcp', envoy ?? '', ports, files))
  }, 90_000)
  afterAll(async () => {
    await resources[Symbol.asyncDispose]()
  }, 60_000)

  /** Of the first connection of a workload. */
  async function recordOf(principal: string) {
    const found = async () =>
      (await streamLines(bus)).find(({ record }) => record.source.principal === principal)
    const what = `a record of ${principal}`
    return (await waitFor(found, { deadlineMs: DEADLINE_MS, what })).record
  }

  /** What comes back of a text before the connection is closed. */
  async function echo(workload: 'cart' | 'other'): Promise<string> {
    return await new Promise((resolve) => {
      const socket = connect({
        host: '127.0.0.1',
        port: listen,
        servername: 'db.shop.example',
        ca: files['tls/ca.pem'],
        cert: files[`tls/${workload}.pem`],
        key: files[`tls/${workload}.key`],
        timeout: DEADLINE_MS,
      })
      let answer = ''
      socket.setEncoding('utf8').on('data', (part: string) => {
        answer += part
        socket.end()
      })
      socket.on('timeout', () => socket.destroy(new Error('neither answered nor closed')))
      socket.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') resolve(String(error))
      })
      socket.on('close', () => resolve(answer))
      socket.write('ping')
    })
  }

  test('the workload that the policy allows is let through, and the connection is on record', async () => {
    expect(await echo('cart')).toBe('ping')
    expect(await recordOf(CART)).toMatchObject({
      outcome: 'allow',
      reason: 'cart',
      protocol: 'envoy-grpc',
      source: { address: '127.0.0.1', principal: CART },
      destination: { address: `127.0.0.1:${listen}`, service: 'db.shop.example' },
      request: { host: '', method: '', path: '', scheme: 'tcp' },
      policy: { entrypoint: 'envoy/authz/allow' },
    })
  })

  test('another workload is cut off before a byte of it is passed on', async () => {
    const before = passedOn
    expect(await echo('other')).toBe('')
    expect(passedOn).toBe(before)
    expect(await recordOf(OTHER)).toMatchObject({
      outcome: 'deny',
      reason: 'not_for_you',
      source: { principal: OTHER },
    })
  })

  test('with the decision point down connections are closed, and let through again after', async () => {
    await point.end('SIGKILL')
    expect(await echo('cart')).toBe('')
    await point.up()
    await waitFor(async () => (await echo('cart')) === 'ping', {
      deadlineMs: DEADLINE_MS,
      what: 'connections to be let through again',
    })
  })

  test('a policy for another port lets nobody through', async () => {
    point.write({ 'authz.rego': policy(listen + 1) })
    await waitFor(async () => (await echo('cart')) === '', {
      deadlineMs: DEADLINE_MS,
      what: 'the new policy to hold',
    })
  })
})
