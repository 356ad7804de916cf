import { once } from 'node:events'
import { messageOf } from '@verdict/contract'
import type { CommandContext } from '../command.ts'
import { auditAuthorization } from './audit-access.ts'
import { type DemoWay, printBanner } from './banner.ts'
import { Cluster, type Row } from './cluster.ts'
import { createDemoIdentity } from './demo-identity.ts'
import { startEnvoy } from './envoy.ts'
import { renderLogLine } from './log-line.ts'
import { portsFrom } from './ports.ts'
import {
  clearTheWay,
  prepareKeys,
  preparePolicies,
  prepareTools,
  takeDataDir,
} from './preparation.ts'
import { folders, natsUrlOf } from './settings.ts'
import { startShop } from './shop.ts'
import { startBus, startServices } from './start.ts'

export interface DevOptions {
  /** Absolute, as all files here. */
  readonly policiesDir: string
  readonly entrypoint: string
  readonly dataDir: string
  readonly portBase: number | undefined
  readonly demo: boolean
  readonly issuersFile: string | undefined
  readonly verbose: boolean
  /** Where the user is: what is printed can be pasted there. */
  readonly cwd: string
}

/** Runs the cluster until it is told to stop, and leaves nothing behind. */
export async function runCluster(options: DevOptions, context: CommandContext): Promise<void> {
  const { terminal, stop, force } = context
  const began = performance.now()
  // In the order of making, undone from its end.
  await using undo = new AsyncDisposableStack()
  try {
    await start(options, context, undo)
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    terminal.line(terminal.paint('dim', `ready after ${seconds} s`))
    await aborted(stop)
  } catch (error) {
    // What a stop cut short did not fail.
    if (!stop.aborted) throw error
  }
  if (stop.aborted)
    terminal.line(force.aborted ? 'stopping at once' : 'stopping: Ctrl-C again forces')
}

async function start(
  options: DevOptions,
  context: CommandContext,
  undo: AsyncDisposableStack,
): Promise<void> {
  const { terminal, stop, force } = context
  const { dataDir, portBase, demo, entrypoint, policiesDir } = options
  const lock = await takeDataDir(dataDir)
  undo.defer(() => lock.release())
  const ports = portsFrom(portBase)
  const tools = await prepareTools(demo, context)
  const withEnvoy = tools.envoy.path !== undefined
  await preparePolicies(
    { opa: tools.opa, policiesDir, entrypoint, cacheDir: folders(dataDir).authz },
    context,
  )
  stop.throwIfAborted()
  await prepareKeys(dataDir, context)
  await clearTheWay({ dataDir, ports, demo: withEnvoy }, context)
  const facts = {
    pid: process.pid,
    startedAt: new Date().toISOString(),
    demo: withEnvoy,
    ports,
    natsUrl: natsUrlOf(ports),
    auditUrl: `http://127.0.0.1:${ports.auditHttp}`,
  }
  if (withEnvoy) {
    const shop = await startShop({ port: ports.shop, host: '127.0.0.1' })
    undo.defer(() => shop.stop())
  }
  const { verbose } = options
  const cluster = new Cluster({ dataDir, ports, terminal, verbose, facts })
  undo.defer(() => cluster.stop(force))
  const users = demo && options.issuersFile === undefined
  const issuersFile = users ? await demoIssuer(dataDir, context, undo) : options.issuersFile
  const authorization = auditAuthorization({ env: context.env, policiesDir, users })
  const started = { ...options, cluster, ports, issuersFile, tools, authorization }
  await startBus(started, context)
  await startServices(started, context)
  const { envoy } = tools
  if (envoy.path !== undefined) await startEnvoy({ ...started, binary: envoy.path }, context)
  const way: DemoWay = {
    through: withEnvoy ? 'envoy' : 'authz',
    users,
    ...('reason' in envoy && { reason: envoy.reason }),
  }
  const rows: Row[] = cluster.rows()
  if (withEnvoy) {
    rows.push({ name: 'shop', addresses: `http://127.0.0.1:${ports.shop}`, pid: process.pid })
  }
  const bundlesFile = context.env['VERDICT_AUTHZ_BUNDLES']
  printBanner({ ...options, rows, ports, way, bundlesFile, authorization }, terminal)
  cluster.announce()
}

/** An issuer of our own, so that the demo has users; resolves with the file for authn. */
async function demoIssuer(
  dataDir: string,
  { terminal }: CommandContext,
  undo: AsyncDisposableStack,
): Promise<string> {
  const identity = await createDemoIdentity(folders(dataDir).demo, (error) => {
    const message = `the demo's tokens were not renewed: ${messageOf(error)}`
    terminal.line(renderLogLine('dev', { level: 'error', message }, terminal))
  })
  undo.defer(() => identity.stop())
  return identity.issuersFile
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}
