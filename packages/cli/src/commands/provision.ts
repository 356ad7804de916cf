import path from 'node:path'
import { connectBus, provision, seedFile } from '@verdict/bus'
import { DECISIONS } from '@verdict/contract'
import { defineCommand, ExitCode } from '../command.ts'

/** Servers of a cluster that starts need some time to agree on a leader. */
const CONNECT_TIMEOUT_MS = 60_000
const REPLICAS_MAX = 5

export const provisionStream = defineCommand({
  name: 'provision',
  summary: 'declare the stream of decisions and its consumers',
  description: `
Declares the stream ${DECISIONS.name} and its consumers on a nats-server, with the key of the
role \`provisioner\`. What is there is verified, and never changed.
`,
  positionals: '',
  positionalsMax: 0,
  options: {
    nats: {
      kind: 'text',
      value: 'URL',
      help: 'one or more nats-servers, separated by commas (default: VERDICT_NATS_URL)',
    },
    keys: { kind: 'text', value: 'DIR', default: '.verdict/keys', help: 'where the keys are' },
    replicas: {
      kind: 'integer',
      value: 'N',
      min: 1,
      max: REPLICAS_MAX,
      default: 1,
      help: 'copies of the stream, at most one for each server',
    },
    'max-bytes': {
      kind: 'integer',
      value: 'N',
      min: 1024 ** 2,
      max: Number.MAX_SAFE_INTEGER,
      default: DECISIONS.maxBytes,
      help: 'the stream takes nothing beyond this',
    },
  },
  examples: ['verdict provision --nats nats://nats-1:4222,nats://nats-2:4222 --replicas 3'],
  async run(options, _positionals, { terminal, env }) {
    const url = options.nats ?? env['VERDICT_NATS_URL'] ?? 'nats://127.0.0.1:4222'
    const role = 'provisioner'
    const step = terminal.step(`declaring ${DECISIONS.name} at ${url}`)
    try {
      const nc = await connectBus({
        url,
        role,
        seedFile: seedFile(path.resolve(options.keys), role),
        name: 'verdict provision',
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
      })
      try {
        await provision(nc, { replicas: options.replicas, maxBytes: options['max-bytes'] })
      } finally {
        await nc.close()
      }
      step.done(`${options.replicas} replicas`)
      return ExitCode.ok
    } catch (error) {
      step.failed()
      throw error
    }
  },
})
