import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createKeys } from '@verdict/bus'
import type { ServiceName } from '@verdict/contract'
import type { Environment } from '@verdict/toolchain'
import { serviceMain } from '../dev/programs.ts'
import { freePorts } from './free-ports.ts'
import { Namespaces } from './namespaces.ts'
import { NatsServers, type ServerPlace } from './nats-servers.ts'
import { ShiftedClock } from './shifted-clock.ts'
import { SmallDisk } from './small-disk.ts'
import { TorturedProcess } from './tortured-process.ts'

const POLICY = `package envoy.authz

default allow := false

allow if input.attributes.request.http.method == "GET"
`
const HOST = '127.0.0.1'
/** authz has two, the other services one, each audit too; a nats-server two. */
const PORTS_BEFORE_SERVERS = 6

export interface ClusterShape {
  /** How many nats-servers; default 1. */
  readonly servers?: 1 | 3
  /** Each nats-server in a network namespace of its own, so that it can be cut off. */
  readonly namespaces?: true
  /** authz, audit and nats-server have a disk each that can be made full. */
  readonly disks?: true
  /** authz and audit have clocks that can be set. */
  readonly clocks?: true
}

export interface ClusterPlace {
  /** Everything is below it. */
  readonly dir: string
  readonly opa: string
  readonly natsServer: string
  readonly env: Environment
}

/** A cluster that nobody supervises: whoever kills a part of it starts it again. */
export class TortureCluster implements AsyncDisposable {
  readonly dir: string
  readonly nats: NatsServers
  readonly authn: TorturedProcess
  readonly authz: TorturedProcess
  readonly audit: TorturedProcess
  /** A second one on the same folder, which is not started with the others. */
  readonly secondAudit: TorturedProcess
  /** The same, which waits to take over. */
  readonly standbyAudit: TorturedProcess
  readonly namespaces: Namespaces | undefined
  readonly disks: Readonly<Record<'authz' | 'audit' | 'nats', SmallDisk>> | undefined
  readonly clocks: { readonly authz: ShiftedClock; readonly audit: ShiftedClock }

  private constructor(
    place: ClusterPlace,
    parts: {
      nats: NatsServers
      namespaces: Namespaces | undefined
      disks: TortureCluster['disks']
      ports: readonly number[]
      shape: ClusterShape
    },
  ) {
    const { dir, opa, env } = place
    const { nats, namespaces, disks, ports, shape } = parts
    const [authnPort = 0, authzPort = 0, grpcPort = 0, ...auditPorts] = ports
    this.dir = dir
    this.nats = nats
    this.namespaces = namespaces
    this.disks = disks
    const at = (name: string): string => path.join(dir, name)
    this.clocks = {
      authz: new ShiftedClock(at('authz.clock')),
      audit: new ShiftedClock(at('audit.clock')),
    }
    const base = { ...cleanEnv(env), VERDICT_NATS_URL: nats.url, VERDICT_KEYS_DIR: at('keys') }
    const service = (of: ServiceName, name: string, port: number, own: Environment) => {
      const clock = shape.clocks && (of === 'authz' || of === 'audit') ? this.clocks[of].env : {}
      return new TorturedProcess({
        name,
        command: process.execPath,
        args: [serviceMain(of)],
        env: { ...base, ...clock, ...own },
        logFile: at(`${name}.log`),
        url: `http://${HOST}:${port}`,
      })
    }
    this.authn = service('authn', 'authn', authnPort, { VERDICT_AUTHN_HTTP_PORT: `${authnPort}` })
    this.authz = service('authz', 'authz', authzPort, {
      VERDICT_AUTHZ_HTTP_PORT: `${authzPort}`,
      VERDICT_AUTHZ_GRPC_PORT: `${grpcPort}`,
      VERDICT_AUTHZ_POLICIES: at('policies'),
      VERDICT_AUTHZ_DATA_DIR: at('authz'),
      VERDICT_AUTHZ_OPA: opa,
      VERDICT_AUTHZ_PROCESSES: '1',
    })
    const audit = (name: string, port: number = 0, own: Environment = {}): TorturedProcess =>
      service('audit', name, port, {
        VERDICT_AUDIT_HTTP_PORT: `${port}`,
        VERDICT_AUDIT_DATA_DIR: this.auditDir,
        VERDICT_AUDIT_LOCK_FILE: path.join(this.lockDir, 'lock.db'),
        ...own,
      })
    this.audit = audit('audit', auditPorts[0])
    this.secondAudit = audit('second-audit', auditPorts[1])
    this.standbyAudit = audit('standby-audit', auditPorts[2], { VERDICT_AUDIT_STANDBY: 'on' })
  }

  /** Starts everything, and waits until all are ready; on a failure nothing is left. */
  static async start(
    place: ClusterPlace,
    shape: ClusterShape,
    stop: AbortSignal,
  ): Promise<TortureCluster> {
    const { dir, natsServer, env } = place
    const count = shape.servers ?? 1
    await using undo = new AsyncDisposableStack()
    const namespaces = shape.namespaces ? undo.use(await Namespaces.create(count)) : undefined
    const disks = shape.disks && (await mountDisks(dir, undo))
    const ports = await freePorts(PORTS_BEFORE_SERVERS + 2 * count)
    const places = Array.from({ length: count }, (_, index): ServerPlace => {
      const [port = 0, route = 0] = ports.slice(PORTS_BEFORE_SERVERS + 2 * index)
      const member = namespaces?.members[index]
      return { host: HOST, ...member, port, route }
    })
    await mkdir(path.join(dir, 'policies'), { recursive: true })
    await mkdir(path.join(dir, 'lock'))
    await writeFile(path.join(dir, 'policies', 'policy.rego'), POLICY)
    const keysDir = path.join(dir, 'keys')
    await createKeys(keysDir)
    const nats = await NatsServers.create({
      binary: natsServer,
      dir: path.join(dir, 'nats'),
      keysDir,
      places,
      env: cleanEnv(env),
    })
    const cluster = new TortureCluster(place, { nats, namespaces, disks, ports, shape })
    undo.defer(() => cluster.#end())
    await nats.start(stop)
    await cluster.restore(stop)
    undo.move()
    return cluster
  }

  get auditDir(): string {
    return path.join(this.dir, 'audit')
  }

  /** Where the record lies of how far the log was signed. */
  get lockDir(): string {
    return path.join(this.dir, 'lock')
  }

  get services(): readonly TorturedProcess[] {
    return [this.authn, this.audit, this.authz]
  }

  /** Starts all that does not run, lets all run that is paused, and waits until all are ready. */
  async restore(stop: AbortSignal): Promise<void> {
    const all = [...this.nats.members, ...this.services]
    for (const each of all) {
      each.resume()
      await each.start()
    }
    await Promise.all(all.map((each) => each.whenReady(stop)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end()
    await this.namespaces?.[Symbol.asyncDispose]()
    for (const disk of Object.values(this.disks ?? {})) await disk[Symbol.asyncDispose]()
  }

  async #end(): Promise<void> {
    const all = [this.secondAudit, this.standbyAudit, ...this.services, ...this.nats.members]
    await Promise.all(all.map((each) => each.kill()))
  }
}

async function mountDisks(
  dir: string,
  undo: AsyncDisposableStack,
): Promise<NonNullable<TortureCluster['disks']>> {
  const mount = async (name: string): Promise<SmallDisk> =>
    undo.use(await SmallDisk.mount(path.join(dir, name)))
  return { authz: await mount('authz'), audit: await mount('audit'), nats: await mount('nats') }
}

/** Settings of the user's own cluster must not reach this one. */
function cleanEnv(env: Environment): Environment {
  const own = ([name]: [string, unknown]): boolean =>
    !name.startsWith('VERDICT_') && name !== 'NODE_OPTIONS'
  return Object.fromEntries(Object.entries(env).filter(own))
}
