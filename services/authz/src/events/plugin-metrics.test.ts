import { Outcome, Protocol } from '@verdict/contract'
import { createLog, Registry } from '@verdict/service'
import { expect, test } from 'vitest'
import { AuthzError, AuthzErrorCode } from '../errors.ts'
import { AuthzEvents } from '../events.ts'
import { PLUGIN_REASONS } from './plugin-metrics.ts'

const log = createLog({ service: 'authz', instance: 'test', destination: { write: () => true } })

function setUp(pluginMetrics: boolean) {
  const registry = new Registry()
  return { events: new AuthzEvents(log, registry, { pluginMetrics }), registry }
}

function requestOf(protocol: Protocol) {
  const attributes = undefined
  return { protocol, attributes, receivedMs: performance.now(), verdictIsStatus: false }
}

/** The lines of a metric, such as `name{label="x"} 1`. */
async function lines(registry: Registry, name: string): Promise<string[]> {
  const text = await registry.metrics()
  return text.split('\n').filter((line) => line.startsWith(name))
}

test('without the setting there are ours alone', async () => {
  const { events, registry } = setUp(false)
  events.decided(Outcome.allow, requestOf(Protocol.envoyGrpc), false)
  expect(await lines(registry, 'grpc_request_duration_seconds')).toEqual([])
  expect(await lines(registry, 'error_counter')).toEqual([])
  const counted = 'verdict_decisions_total{outcome="allow",protocol="envoy-grpc"} 1'
  expect(await lines(registry, 'verdict_decisions_total')).toEqual([counted])
})

test.each(Object.entries(PLUGIN_REASONS))('the fault %s is counted as %s', async (code, reason) => {
  const { events, registry } = setUp(true)
  const fault = new AuthzError(code as AuthzErrorCode, 'a fault')
  events.faulted(fault, requestOf(Protocol.envoyGrpc))
  events.faulted(fault, requestOf(Protocol.http))
  expect(await lines(registry, 'error_counter')).toEqual([`error_counter{reason="${reason}"} 1`])
})

test('every code has a reason, save those that are no question to the plugin', () => {
  const without = Object.values(AuthzErrorCode).filter((code) => !(code in PLUGIN_REASONS))
  expect(without.toSorted()).toEqual([
    AuthzErrorCode.descriptorInvalid,
    AuthzErrorCode.policyPathUnknown,
    AuthzErrorCode.questionMalformed,
  ])
})

test('decisions over gRPC have a duration, and what is unreadable is an error', async () => {
  const { events, registry } = setUp(true)
  for (const outcome of [Outcome.allow, Outcome.deny, Outcome.unauthenticated]) {
    events.decided(outcome, requestOf(Protocol.envoyGrpc), false)
  }
  events.decided(Outcome.allow, requestOf(Protocol.nats), false)
  events.decided(Outcome.error, requestOf(Protocol.envoyGrpc), false)
  events.decided(Outcome.deny, requestOf(Protocol.envoyGrpc), true)
  const name = 'grpc_request_duration_seconds'
  expect(await lines(registry, `${name}_count`)).toEqual([`${name}_count{handler="check"} 3`])
  const bounds = (await lines(registry, `${name}_bucket`)).map(
    (line) => /le="(.+?)"/.exec(line)?.[1],
  )
  expect(bounds.map(Number).slice(0, -1)).toEqual([
    1e-6, 5e-6, 1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 3e-3, 5e-3, 0.1, 1,
  ])
  const errors = await lines(registry, 'error_counter')
  expect(errors).toEqual(['error_counter{reason="request_parse_error"} 1'])
})

test('what is counted between two readings is told once', async () => {
  const { events, registry } = setUp(false)
  for (const hits of [1, 2]) {
    events.identityCacheHit()
    const counted = `verdict_identity_cache_total{result="hit"} ${hits}`
    expect(await lines(registry, 'verdict_identity_cache_total')).toEqual([counted])
  }
})
