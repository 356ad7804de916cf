import path from 'node:path'
import { connectBus, provision, seedFile } from '@verdict/bus'
import { DECISIONS, SERVICES, type ServiceName } from '@verdict/contract'
import type { CommandContext } from '../command.ts'
import type { Cluster, Place } from './cluster.ts'
import { natsServerLine, renderLogLine, serviceLine } from './log-line.ts'
import type { Ports } from './ports.ts'
import type { Tools } from './preparation.ts'
import { natsProgram, serviceMain, serviceProgram } from './programs.ts'
import {
  folders,
  natsUrlOf,
  overriddenSettings,
  SERVICE_DEFAULTS,
  serviceSettings,
} from './settings.ts'
import type { Supervisor } from './supervisor.ts'

/** nats-server reads a large store back before it is ready. */
const NATS_READY_TIMEOUT_MS = 130_000
/** authz loads the policies, audit reads its log back. */
const SERVICES_READY_TIMEOUT_MS = 60_000

export interface StartOptions {
  readonly cluster: Cluster
  readonly ports: Ports
  readonly dataDir: string
  readonly policiesDir: string
  readonly entrypoint: string
  readonly issuersFile: string | undefined
  readonly tools: Tools
  /** `VERDICT_AUDIT_AUTHORIZATION`. */
  readonly authorization: string
}

/** Starts nats-server and declares the stream. */
export async function startBus(
  { cluster, ports, dataDir, tools }: StartOptions,
  { terminal, stop }: CommandContext,
): Promise<void> {
  const { nats: dir, keys: keysDir } = folders(dataDir)
  const step = terminal.step('starting nats-server')
  try {
    const place: Place = {
      ports: ['nats'],
      format: natsServerLine,
      commandPart: path.join(dir, 'nats-server.conf'),
      endsWithParent: false,
    }
    const server = await cluster.add('nats-server', place, (output) =>
      natsProgram({ binary: tools.natsServer, dir, port: ports.nats, keysDir, output }),
    )
    await server.whenReady({ timeoutMs: NATS_READY_TIMEOUT_MS, signal: stop })
    step.update('declaring the stream')
    await declareStream(natsUrlOf(ports), keysDir)
    step.done()
  } catch (error) {
    step.failed()
    throw error
  }
}

/** Starts the four services, and waits until all are ready. */
export async function startServices(options: StartOptions, context: CommandContext): Promise<void> {
  const { terminal, env } = context
  const { cluster, ports, tools } = options
  const settings = serviceSettings({ ...options, opa: tools.opa })
  for (const name of overriddenSettings(settings, env)) {
    const message = `${name} of the environment is not used: \`verdict dev\` sets it itself`
    terminal.line(renderLogLine('dev', { level: 'warn', message }, terminal))
  }
  const step = terminal.step('starting the services')
  try {
    const waiting = new Map<ServiceName, Supervisor>()
    for (const name of SERVICES) {
      const url = `http://127.0.0.1:${ports[`${name}Http`]}`
      const place: Place = {
        ports: name === 'authz' ? ['authzHttp', 'authzGrpc'] : [`${name}Http`],
        format: serviceLine,
        commandPart: serviceMain(name),
        endsWithParent: true,
      }
      const service = await cluster.add(name, place, (output) =>
        serviceProgram({
          name,
          url,
          output,
          env: { ...SERVICE_DEFAULTS[name], ...env, ...settings[name] },
        }),
      )
      waiting.set(name, service)
    }
    await allReady(waiting, context.stop, (left) => step.update(`waiting for ${left.join(', ')}`))
    step.done()
  } catch (error) {
    step.failed()
    throw error
  }
}

async function declareStream(url: string, keysDir: string): Promise<void> {
  const role = 'provisioner'
  const nc = await connectBus({ url, role, seedFile: seedFile(keysDir, role), name: 'verdict dev' })
  try {
    await provision(nc, { replicas: 1, maxBytes: DECISIONS.maxBytes })
  } finally {
    await nc.close()
  }
}

async function allReady(
  waiting: Map<ServiceName, Supervisor>,
  signal: AbortSignal,
  onProgress: (left: readonly ServiceName[]) => void,
): Promise<void> {
  onProgress([...waiting.keys()])
  await Promise.all(
    [...waiting].map(async ([name, service]) => {
      await service.whenReady({ timeoutMs: SERVICES_READY_TIMEOUT_MS, signal })
      waiting.delete(name)
      if (waiting.size > 0) onProgress([...waiting.keys()])
    }),
  )
}
