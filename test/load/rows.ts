import {
  type DecisionPoint,
  remembered,
  startBus,
  startDecisionPoint,
  startIdentityResponder,
} from '@verdict/kit'
import { type Client, grpcClient, httpClient } from './clients.ts'
import { type LoadFigures, quantile, saturate, steady } from './load.ts'
import { cpuTimeUs, residentMegabytes } from './machine.ts'
import { startOpaServer } from './opa-server.ts'
import type { Scenario } from './policies.ts'
import { CHECK_HEADERS, checkRequest, IDENTITY, opaInput } from './question.ts'

/** How long each step takes. */
export interface Timing {
  readonly warmUpMs: number
  readonly saturateMs: number
  readonly steadyMs: number
}

export const FULL: Timing = { warmUpMs: 2_000, saturateMs: 3_000, steadyMs: 1_500 }
export const QUICK: Timing = { warmUpMs: 1_000, saturateMs: 1_500, steadyMs: 750 }

const SHARES = [0.25, 0.5, 0.8] as const

/** What one way to ask costs and how long it takes. */
export interface Row {
  readonly name: string
  /** Answers a second at saturation. */
  readonly capacity: number
  /** Of the server's process alone. */
  readonly cpuUs: number
  readonly restMegabytes: number
  readonly loadMegabytes: number
  /** At shares of the row's own capacity, and last at half of the peer's. */
  readonly steady: readonly SteadyFigures[]
}

export interface SteadyFigures {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  /** Questions that could not even be asked, or were turned away. */
  readonly missed: number
}

interface Target {
  readonly name: string
  readonly pid: number
  readonly client: () => Client
}

/** No row fills it: records that have no room in the stream would be offered again and again. */
const STREAM_BYTES_MAX = 2 * 1024 ** 3
const CHECK = '/envoy.service.auth.v3.Authorization/Check'
const HEALTH = '/grpc.health.v1.Health/Check'

/** The peer comes first: its capacity is a rate at which the others are asked, too. */
export async function rowsOf({ files }: Scenario, timing: Timing): Promise<Row[]> {
  const peer = await peerRow(files, timing)
  await using bus = await startBus({ maxBytes: STREAM_BYTES_MAX })
  await using _authn = await startIdentityResponder(bus, () => remembered(IDENTITY))
  const settings = { VERDICT_AUTHZ_MEMO_BYTES_MAX: '0' }
  await using evaluating = await startDecisionPoint({ bus, policies: files, settings })
  await using point = await startDecisionPoint({ bus, policies: files })
  const check = ({ grpcPort }: DecisionPoint) => grpcClient(grpcPort, CHECK, checkRequest())
  const { pid } = point
  const targets: Target[] = [
    {
      name: 'gRPC Check, recorded, evaluated anew',
      pid: evaluating.pid,
      client: () => check(evaluating),
    },
    {
      name: 'gRPC Check, recorded',
      pid,
      client: () => check(point),
    },
    {
      name: 'HTTP /check, recorded',
      pid,
      client: () =>
        httpClient(point.process.port, { method: 'GET', path: '/check', headers: CHECK_HEADERS }),
    },
    {
      name: 'empty gRPC answer',
      pid,
      client: () => grpcClient(point.grpcPort, HEALTH, new Uint8Array()),
    },
  ]
  const rows: Row[] = []
  for (const target of targets) rows.push(await measure(target, timing, peer.capacity))
  return [...rows, peer]
}

async function peerRow(files: Scenario['files'], timing: Timing): Promise<Row> {
  await using opa = await startOpaServer(files)
  const body = opaInput()
  const headers = { 'content-type': 'application/json' }
  const path = '/v1/data/envoy/authz/allow'
  return await measure(
    {
      name: 'opa run --server',
      pid: opa.pid,
      client: () => httpClient(opa.port, { method: 'POST', path, headers, body }),
    },
    timing,
  )
}

async function measure(target: Target, timing: Timing, peerCapacity?: number): Promise<Row> {
  const { name, pid } = target
  await using client = target.client()
  const restMegabytes = residentMegabytes(pid)
  await saturate(client.ask, timing.warmUpMs)
  const cpuBefore = cpuTimeUs(pid)
  const { answers, seconds } = await saturate(client.ask, timing.saturateMs)
  const cpuUs = (cpuTimeUs(pid) - cpuBefore) / answers
  const loadMegabytes = residentMegabytes(pid)
  const capacity = answers / seconds
  const rates = [...SHARES.map((share) => share * capacity), (peerCapacity ?? capacity) / 2]
  const figures: SteadyFigures[] = []
  for (const perSecond of rates) {
    figures.push(figuresOf(await steady(client.ask, perSecond, timing.steadyMs), perSecond))
  }
  return { name, capacity, cpuUs, restMegabytes, loadMegabytes, steady: figures }
}

function figuresOf(load: LoadFigures, perSecond: number): SteadyFigures {
  const { missed } = load
  return {
    perSecond,
    p50: quantile(load, 0.5),
    p99: quantile(load, 0.99),
    p999: quantile(load, 0.999),
    missed,
  }
}
