/**
 * Where the microseconds of one recorded decision over gRPC go: `npm run profile`. The shipped
 * policies, an identity that is remembered, questions of a few hundred paths, on one process.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  remembered,
  startBus,
  startDecisionPoint,
  startIdentityResponder,
  temporaryDirectory,
} from '@verdict/kit'
import { grpcClient } from './clients.ts'
import { saturate } from './load.ts'
import { cpuTimeUs, machineFacts } from './machine.ts'
import { shipped } from './policies.ts'
import { type CpuProfile, stepsOf } from './profile-steps.ts'
import { checkRequest, IDENTITY } from './question.ts'

const CHECK = '/envoy.service.auth.v3.Authorization/Check'
const WARM_UP_MS = 3_000
const MEASURED_MS = 15_000

process.stdout.write(`${await machineFacts()}; client and server share the cores\n\n`)
await using scratch = temporaryDirectory()
process.env['SERVICE_NODE_OPTIONS'] = `--cpu-prof --cpu-prof-dir=${scratch.path}`
await using bus = await startBus({ maxBytes: 1024 ** 3 })
await using _authn = await startIdentityResponder(bus, () => remembered(IDENTITY))
await using point = await startDecisionPoint({ bus, policies: shipped().files })
await using client = grpcClient(point.grpcPort, CHECK, checkRequest())
await saturate(client.ask, WARM_UP_MS)
const before = cpuTimeUs(point.pid)
const { answers } = await saturate(client.ask, MEASURED_MS)
const cpuUs = (cpuTimeUs(point.pid) - before) / answers
await point.end('SIGTERM')

const [file] = readdirSync(scratch.path)
if (file === undefined) throw new Error('the decision point left no profile: did it stop in order?')
const profile = JSON.parse(readFileSync(join(scratch.path, file), 'utf8')) as CpuProfile
process.stdout.write('| step | share | µs |\n| --- | --- | --- |\n')
for (const { step, share } of stepsOf(profile, MEASURED_MS)) {
  const us = (share * cpuUs).toFixed(1)
  process.stdout.write(`| ${step} | ${(share * 100).toFixed(1)} % | ${us} |\n`)
}
process.stdout.write(`| all | 100 % | ${cpuUs.toFixed(0)} |\n`)
