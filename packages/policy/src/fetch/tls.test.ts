import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { temporaryDirectory } from '@verdict/kit'
import { expect, test, vi } from 'vitest'
import { asking, fetchingBundle, opaAnswer } from '../../test/services-under-test.ts'

vi.setConfig({ testTimeout: 60_000 })

const REGO = 'x := http.send(input.request).raw_body\n'
const bundle = await fetchingBundle(REGO, ['p/x'])

interface Certificate {
  readonly cert: string
  readonly key: string
}

/** A certificate of its own authority. */
function certificateFor(dir: string, name: string): Certificate {
  const [key, cert] = [`${name}.key`, `${name}.pem`].map((file) => join(dir, file))
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`]
  const files = ['-keyout', key ?? '', '-out', cert ?? '', '-days', '2']
  execFileSync('openssl', ['req', '-x509', ...kind, ...subject, ...files], { stdio: 'ignore' })
  return { cert: readFileSync(cert ?? '', 'utf8'), key: readFileSync(key ?? '', 'utf8') }
}

test('connections are secured as the request says, as in OPA', async () => {
  await using scratch = temporaryDirectory()
  const [server, client] = ['a.example', 'client'].map((name) => certificateFor(scratch.path, name))
  if (server === undefined || client === undefined) return expect.unreachable('there are two')
  const tls = { ...server, ca: client.cert, requestCert: true, rejectUnauthorized: false }
  const service = createServer(tls, ({ socket }, response) => {
    response.end(`${(socket as unknown as { authorized: boolean }).authorized}`)
  })
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
  const { port } = service.address() as AddressInfo
  const ask = await asking(bundle, [`127.0.0.1:${port}`, 'a.example'])
  const get = { method: 'GET', url: `https://127.0.0.1:${port}/` }
  const trusting = { ...get, tls_ca_cert: server.cert }
  const named = { ...trusting, tls_server_name: 'a.example' }
  const requests: [request: object, answer: string | undefined][] = [
    [get, undefined],
    [trusting, undefined],
    [{ ...get, tls_server_name: 'a.example' }, undefined],
    [{ ...get, tls_server_name: 'a.example', tls_use_system_certs: true }, undefined],
    [{ ...trusting, tls_server_name: 'b.example' }, undefined],
    [named, 'false'],
    [{ ...named, tls_use_system_certs: true }, 'false'],
    [{ ...named, tls_ca_cert: server.cert.replaceAll('\n', '\\n') }, 'false'],
    [{ ...trusting, headers: { Host: 'a.example' } }, 'false'],
    [{ ...named, tls_client_cert: client.cert, tls_client_key: client.key }, 'true'],
    [{ ...named, tls_client_cert: client.cert }, 'false'],
    [{ ...named, tls_client_cert: client.cert, tls_client_key: 'none' }, undefined],
  ]
  try {
    for (const [request, answer] of requests) {
      expect((await ask('x', { request })).value, JSON.stringify(request)).toBe(answer)
      expect(await opaAnswer(REGO, 'x', { request }), JSON.stringify(request)).toBe(answer)
    }
  } finally {
    service.closeAllConnections()
    service.close()
  }
})
