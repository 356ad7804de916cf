import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { writeFiles } from './opa.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { waitFor } from './wait-for.ts'

const DEPLOY = resolve(import.meta.dirname, '../../../deploy')
const START_DEADLINE_MS = 20_000
const STOP_DEADLINE_MS = 10_000
/** Of what a gateway prints, this much of its end is kept for a failed start. */
const OUTPUT_CHARS_MAX = 4_000

export interface GatewayPorts {
  readonly listen: number
  readonly authz: number
  readonly upstream: number
}

interface GatewayKind {
  /** Its configuration below deploy/. */
  readonly configuration: string
  /** The ports as the configuration has them, in the order of listen, authz and upstream. */
  readonly written: readonly [listen: string, authz: string, upstream: string]
  readonly arguments: (file: string) => readonly string[]
  /** It speaks no HTTP: that it takes connections is all that can be seen. */
  readonly isTcp?: boolean
}

const KINDS = {
  caddy: {
    configuration: 'caddy/Caddyfile',
    written: ['http://:10081', '127.0.0.1:8181', '127.0.0.1:10001'],
    arguments: (file) => ['run', '--adapter', 'caddyfile', '--config', file],
  },
  envoyHttpService: {
    configuration: 'envoy/http-service.yaml',
    written: ['port_value: 10082', 'port_value: 8181', 'port_value: 10001'],
    arguments: (file) => ['-c', file, '--use-dynamic-base-id', '--concurrency', '1'],
  },
  envoyTcp: {
    configuration: 'envoy/tcp.yaml',
    written: ['port_value: 10083', 'port_value: 9191', 'port_value: 10001'],
    arguments: (file) => ['-c', file, '--use-dynamic-base-id', '--concurrency', '1'],
    isTcp: true,
  },
} as const satisfies Record<string, GatewayKind>

/** A gateway with its configuration of deploy/, the ports moved for the test. */
export class Gateway implements AsyncDisposable {
  readonly url: string
  readonly #child: ChildProcess
  readonly #cleanUp: () => Promise<void>
  #output = ''

  private constructor(child: ChildProcess, url: string, cleanUp: () => Promise<void>) {
    this.#child = child
    this.url = url
    this.#cleanUp = cleanUp
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-OUTPUT_CHARS_MAX)
      })
    }
  }

  /** `files` are what the configuration names, such as certificates, by their names in it. */
  static async start(
    kind: keyof typeof KINDS,
    binary: string,
    ports: GatewayPorts,
    files: Readonly<Record<string, string>> = {},
  ): Promise<Gateway> {
    const {
      configuration,
      written,
      arguments: argumentsFor,
      isTcp = false,
    }: GatewayKind = KINDS[kind]
    const scratch = temporaryDirectory()
    writeFiles(scratch.path, files)
    const file = join(scratch.path, configuration.split('/').at(-1) ?? '')
    writeFileSync(file, moved(readFileSync(join(DEPLOY, configuration), 'utf8'), written, ports))
    const child = spawn(binary, argumentsFor(file), {
      cwd: scratch.path,
      env: { ...process.env, HOME: scratch.path, XDG_DATA_HOME: scratch.path },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const url = `http://127.0.0.1:${ports.listen}`
    const gateway = new Gateway(child, url, async () => await scratch[Symbol.asyncDispose]())
    try {
      await waitFor(() => (isTcp ? gateway.#listens(ports.listen) : gateway.#answers()), {
        deadlineMs: START_DEADLINE_MS,
        what: `${kind} to listen`,
      })
    } catch (cause) {
      await gateway[Symbol.asyncDispose]()
      throw new Error(`${kind} did not start:\n${gateway.#output}`, { cause })
    }
    return gateway
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM')
    await waitFor(() => this.#ended, { deadlineMs: STOP_DEADLINE_MS, what: 'a gateway to stop' })
    await this.#cleanUp()
  }

  get #ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  async #listens(port: number): Promise<boolean> {
    if (this.#ended) throw new Error('it ended')
    return await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
      socket.on('connect', () => socket.destroy())
    })
  }

  async #answers(): Promise<boolean> {
    if (this.#ended) throw new Error('it ended')
    try {
      await (await fetch(this.url, { signal: AbortSignal.timeout(2_000) })).arrayBuffer()
      return true
    } catch {
      // Not listening yet.
      return false
    }
  }
}

function moved(
  configuration: string,
  written: GatewayKind['written'],
  { listen, authz, upstream }: GatewayPorts,
): string {
  const ports = [listen, authz, upstream]
  return written.reduce((text, place, index) => {
    if (!text.includes(place)) throw new Error(`the configuration has no \`${place}\` any more`)
    return text.replace(place, place.replace(/\d+$/, String(ports[index])))
  }, configuration)
}
