import { execFile } from 'node:child_process'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { buildBundle } from '../src/build.ts'
import type { Bundle } from '../src/bundle/bundle.ts'
import { Fetcher, type FetcherOptions } from '../src/fetch/fetcher.ts'
import type { FetchedAnswer, FetchOptions } from '../src/fetch/fetching-policy.ts'
import { AllowedHosts } from '../src/fetch/hosts.ts'
import { loadPolicy } from '../src/load.ts'

const run = promisify(execFile)

/** A server that policies ask, and what it was asked. */
export interface Service extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** Such as `GET /a`, in their order. */
  readonly asked: string[]
}

export type Respond = (
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
) => void | Promise<void>

export async function startService(respond: Respond): Promise<Service> {
  const asked: string[] = []
  const server = createServer(async (request, response) => {
    asked.push(`${request.method} ${request.url}`)
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    await respond(request, response, body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export async function fetchingBundle(
  rego: string,
  entrypoints: readonly string[],
): Promise<Bundle> {
  await using scratch = temporaryDirectory()
  const sources = join(scratch.path, 'policies')
  writeFiles(sources, { 'p.rego': `package p\n\n${rego}` })
  const opa = await opaBinary()
  return await buildBundle({
    ...{ opa, sources, entrypoints, cacheDir: scratch.path, allowFetch: true },
  })
}

/** Asks rules of a policy that may ask these hosts. */
export async function asking(
  bundle: Bundle,
  hosts: readonly string[],
  options: Partial<FetcherOptions> = {},
) {
  const allowed = AllowedHosts.parse(hosts)
  if (allowed === undefined) throw new TypeError(`no list of hosts: ${hosts.join()}`)
  const policy = await loadPolicy(bundle, { fetcher: new Fetcher({ hosts: allowed, ...options }) })
  const { fetching } = policy
  if (fetching === undefined) throw new TypeError('the policy does not fetch')
  return async (rule: string, input: object, how?: FetchOptions): Promise<FetchedAnswer> =>
    await fetching.evaluate(`p/${rule}`, input, how)
}

/** What OPA's interpreter answers for a rule; undefined where it has none. */
export async function opaAnswer(rego: string, rule: string, input: object): Promise<unknown> {
  await using scratch = temporaryDirectory()
  const files = { 'p.rego': `package p\n\n${rego}`, 'input.json': JSON.stringify(input) }
  writeFiles(scratch.path, files)
  const args = ['eval', '-d', 'p.rego', '-i', 'input.json', '-f', 'json', `data.p.${rule}`]
  const { stdout } = await run(await opaBinary(), args, { cwd: scratch.path })
  return JSON.parse(stdout).result?.[0].expressions[0].value
}
