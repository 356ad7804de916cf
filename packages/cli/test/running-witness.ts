import { spawn } from 'node:child_process'
import path from 'node:path'
import { waitFor } from '@verdict/kit'
import { openCosignatures, parseVerifierKey, type VerifiedSignature } from '@verdict/tlog'
import { runCommandLine } from '../src/command-line.ts'
import { originHash } from '../src/witness/origin-hash.ts'
import { capture } from './captured.ts'
import type { GrowingLog } from './growing-log.ts'

const MAIN = path.resolve(import.meta.dirname, '../src/main.ts')
const DEADLINE_MS = 20_000

export interface WitnessAnswer {
  readonly status: number
  readonly type: string | null
  readonly body: string
}

interface Program {
  out(): string
  err(): string
  readonly ended: Promise<number | null>
  end(signal: 'SIGTERM' | 'SIGKILL'): void
}

/** A witness that was started by its command line, and is asked over HTTP. */
export class RunningWitness implements AsyncDisposable {
  readonly url: string
  readonly #program: Program

  private constructor(program: Program, url: string) {
    this.#program = program
    this.url = url
  }

  /** Runs the command in this process. */
  static async start(...args: readonly string[]): Promise<RunningWitness> {
    const { context, stop, out, err } = capture()
    const ended = runCommandLine(['witness', '--listen', '127.0.0.1:0', ...args], context)
    return await RunningWitness.#ready({ out, err, ended, end: () => stop.abort() })
  }

  /** Runs it in a process of its own, which can be killed. */
  static async spawn(...args: readonly string[]): Promise<RunningWitness> {
    const child = spawn(process.execPath, [MAIN, 'witness', '--listen', '127.0.0.1:0', ...args])
    let [out, err] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text
    })
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
    const end = (signal: 'SIGTERM' | 'SIGKILL'): void => void child.kill(signal)
    return await RunningWitness.#ready({ out: () => out, err: () => err, ended, end })
  }

  static async #ready(program: Program): Promise<RunningWitness> {
    let code: number | null | undefined
    void program.ended.then((ended) => {
      code = ended
    })
    const url = await waitFor(
      () => {
        if (code !== undefined) throw new Error(`it ended with ${code}: ${program.err()}`)
        return /listening on (\S+)\n/.exec(program.out())?.[1]
      },
      { deadlineMs: DEADLINE_MS, what: 'the witness' },
    )
    return new RunningWitness(program, url)
  }

  get out(): string {
    return this.#program.out()
  }

  get err(): string {
    return this.#program.err()
  }

  get vkeys(): string[] {
    return [...this.out.matchAll(/^key +(\S+)$/gm)].map(([, vkey = '']) => vkey)
  }

  async add(
    body: string | Uint8Array,
    headers: Record<string, string> = {},
  ): Promise<WitnessAnswer> {
    const url = `${this.url}/add-checkpoint`
    return await answerOf(await fetch(url, { method: 'POST', body, headers }))
  }

  /** Has a log ask until the witness knows its newest tree, or refuses it. */
  async follow(log: GrowingLog): Promise<WitnessAnswer> {
    const first = await this.add(await log.request(0))
    return first.status === 409 && Number(first.body) <= log.size
      ? await this.add(await log.request(Number(first.body)))
      : first
  }

  async get(place: string): Promise<WitnessAnswer> {
    return await answerOf(await fetch(this.url + place))
  }

  async monitored({ signer }: GrowingLog): Promise<WitnessAnswer> {
    return await this.get(`/${originHash(signer.verifier.name)}/checkpoint`)
  }

  /** The cosignatures in an answer, verified. */
  cosignatures(answer: WitnessAnswer, log: GrowingLog): readonly VerifiedSignature[] {
    return openCosignatures(answer.body, log.checkpoint(), this.vkeys.map(parseVerifierKey))
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | null> {
    this.#program.end(signal)
    return await this.#program.ended
  }

  /** Resolves when it ends by itself. */
  async ended(): Promise<number | null> {
    return await this.#program.ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

async function answerOf(response: Response): Promise<WitnessAnswer> {
  const { status, headers } = response
  return { status, type: headers.get('content-type'), body: await response.text() }
}
