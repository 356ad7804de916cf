import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { temporaryDirectory } from './temporary-directory.ts'
import { waitFor } from './wait-for.ts'

const CONFIGURATION = resolve(import.meta.dirname, '../../../deploy/nginx/nginx.conf')
const START_DEADLINE_MS = 10_000

/** The nginx of this machine, or undefined. */
export function nginxBinary(): string | undefined {
  const found = spawnSync('nginx', ['-v'], { timeout: 5_000 })
  return found.status === 0 ? 'nginx' : undefined
}

/** nginx with deploy/nginx/nginx.conf, its ports and files moved for the test. */
export class Nginx implements AsyncDisposable {
  readonly url: string
  readonly #child: ChildProcess
  readonly #cleanUp: () => Promise<void>

  private constructor(child: ChildProcess, url: string, cleanUp: () => Promise<void>) {
    this.#child = child
    this.url = url
    this.#cleanUp = cleanUp
  }

  static async start(ports: { listen: number; authz: number; upstream: number }): Promise<Nginx> {
    const scratch = temporaryDirectory()
    const file = join(scratch.path, 'nginx.conf')
    const text = readFileSync(CONFIGURATION, 'utf8')
      .replace('127.0.0.1:10080', `127.0.0.1:${ports.listen}`)
      .replace('127.0.0.1:8181', `127.0.0.1:${ports.authz}`)
      .replace('127.0.0.1:10001', `127.0.0.1:${ports.upstream}`)
      .replaceAll('/tmp/verdict-nginx', join(scratch.path, 'nginx'))
    writeFileSync(file, text)
    const child = spawn('nginx', ['-c', file, '-p', scratch.path], { stdio: 'ignore' })
    const url = `http://127.0.0.1:${ports.listen}`
    const nginx = new Nginx(child, url, async () => await scratch[Symbol.asyncDispose]())
    await waitFor(() => answers(url), { deadlineMs: START_DEADLINE_MS, what: 'nginx to listen' })
    return nginx
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM')
    await waitFor(() => this.#child.exitCode !== null || this.#child.signalCode !== null, {
      deadlineMs: START_DEADLINE_MS,
      what: 'nginx to stop',
    })
    await this.#cleanUp()
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    await (await fetch(url, { signal: AbortSignal.timeout(1_000) })).arrayBuffer()
    return true
  } catch {
    // Not listening yet.
    return false
  }
}
