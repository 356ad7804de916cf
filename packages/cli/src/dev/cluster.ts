import path from 'node:path'
import type { PortName } from '@verdict/contract'
import { shownPath } from '../shown-path.ts'
import type { Terminal } from '../terminal.ts'
import { LogFile } from './log-file.ts'
import { type LogFormat, renderLogLine } from './log-line.ts'
import type { Ports } from './ports.ts'
import { ProcessOutput } from './process-output.ts'
import { type RunFile, type RunningProcess, removeRunFile, writeRunFile } from './run-file.ts'
import { type Program, Supervisor, type SupervisorEvent } from './supervisor.ts'

/** Each group stops together, after the one before it: nobody loses what it still has to say. */
const STOP_ORDER = [['envoy'], ['authz'], ['audit', 'telemetry'], ['authn'], ['nats-server']]

const SCHEMES: Partial<Record<PortName, string>> = { authzGrpc: 'grpc', nats: 'nats' }

export interface ClusterOptions {
  readonly dataDir: string
  readonly ports: Ports
  readonly terminal: Terminal
  readonly verbose: boolean
  readonly facts: Omit<RunFile, 'processes'>
}

/** What is known of a program besides how to run it. */
export interface Place {
  readonly ports: readonly PortName[]
  readonly format: LogFormat
  readonly commandPart: string
  readonly endsWithParent: boolean
}

/** One line of what runs where. */
export interface Row {
  readonly name: string
  readonly addresses: string
  readonly pid: number
  readonly log?: string
}

interface Member {
  readonly supervisor: Supervisor
  readonly output: ProcessOutput
  readonly place: Place
}

/** The processes of a cluster on this machine, each under its supervisor. */
export class Cluster {
  readonly #options: ClusterOptions
  readonly #members = new Map<string, Member>()
  #writing: Promise<void> = Promise.resolve()
  #stopping: boolean = false

  constructor(options: ClusterOptions) {
    this.#options = options
  }

  /** Starts a program; it is supervised from now on. */
  async add(
    name: string,
    place: Place,
    program: (output: ProcessOutput) => Program,
  ): Promise<Supervisor> {
    const { terminal, verbose, dataDir } = this.#options
    const log = await LogFile.open(path.join(dataDir, 'logs', `${name}.log`))
    const output = new ProcessOutput({ name, log, format: place.format, terminal, verbose })
    const supervisor = new Supervisor(program(output), {
      onEvent: (event) => this.#onEvent(name, event),
    })
    this.#members.set(name, { supervisor, output, place })
    supervisor.start()
    return supervisor
  }

  /** From now on the terminal shows what needs attention. */
  announce(): void {
    for (const { output } of this.#members.values()) output.announce()
  }

  rows(): Row[] {
    return [...this.#members].map(([name, { supervisor, output, place }]) => ({
      name,
      addresses: place.ports.map((port) => this.#address(port)).join('  '),
      pid: supervisor.pid ?? 0,
      log: output.file,
    }))
  }

  /** Stops everything in order; nothing is left when it resolves. */
  async stop(force: AbortSignal): Promise<void> {
    this.#stopping = true
    for (const { output } of this.#members.values()) output.silence()
    for (const group of STOP_ORDER) {
      const members = group.flatMap((name) => this.#members.get(name) ?? [])
      if (members.length === 0) continue
      const names = members.map(({ supervisor }) => supervisor.program.name)
      const step = this.#options.terminal.step(`stopping ${names.join(' and ')}`)
      await Promise.all(members.map(({ supervisor }) => supervisor.stop(force)))
      step.done()
    }
    for (const { output } of this.#members.values()) await output.close()
    await this.#writing
    await removeRunFile(this.#options.dataDir)
  }

  #onEvent(name: string, event: SupervisorEvent): void {
    this.#writing = this.#writing.then(() => this.#write())
    const member = this.#members.get(name)
    const message = member && messageFor(event, member)
    if (message === undefined || (this.#stopping && event.kind !== 'killed')) return
    const level = event.kind === 'ready' ? 'info' : 'warn'
    const { terminal } = this.#options
    terminal.line(renderLogLine('dev', { level, message: `${name} ${message}` }, terminal))
  }

  /** Keeps `run.json` current. */
  async #write(): Promise<void> {
    const { dataDir, facts, ports } = this.#options
    const processes: RunningProcess[] = []
    for (const [name, { supervisor, place }] of this.#members) {
      const { pid } = supervisor
      if (pid === undefined) continue
      const { commandPart, endsWithParent } = place
      const own = place.ports.map((port) => ports[port])
      processes.push({ name, pid, ports: own, commandPart, endsWithParent })
    }
    await writeRunFile(dataDir, { ...facts, processes })
  }

  #address(port: PortName): string {
    return `${SCHEMES[port] ?? 'http'}://127.0.0.1:${this.#options.ports[port]}`
  }
}

function messageFor(event: SupervisorEvent, { supervisor, output }: Member): string | undefined {
  switch (event.kind) {
    case 'ended': {
      const log = shownPath(output.file)
      return `ended (${event.how}): starting it again in ${event.retryMs} ms; see ${log}`
    }
    case 'ready':
      return event.again ? `is ready again (pid ${supervisor.pid})` : undefined
    case 'killed':
      return event.forced ? 'was killed' : 'did not end in time and was killed'
    case 'launched':
      return undefined
  }
}
