import path from 'node:path'
import { connectBus, provision, seedFile } from '@verdict/bus'
import { DECISIONS } from '@verdict/contract'
import { defineCommand, ExitCode } from '../command.ts'

/** Servers of a cluster that starts need some time to agree on a leader. */
const CONNECT_TIMEOUT_MS = 60_000
const REPLICAS_MAX = 5

export const provisionStream = defineCommand({
  name: 'provision',
  summary: 'declare the stream of decisions, and the stores of policies',
  description: `
Declares the stream ${DECISIONS.name}, its consumers, and the stores of bundles, pointers and data on
a nats-server, with the key of the role \`provisioner\`. What is there is verified, and never changed;
what a later version adds is made: run \`verdict keys\`, restart the servers, then run this again.
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
      help: 'copies of each stream, at most one for each server',
    },
    'max-bytes': {
      kind: 'integer',
      value: 'N',
      min: 1024 ** 2,
      max: Number.MAX_SAFE_INTEGER,
      default: DECISIONS.maxBytes,
      help: `${DECISIONS.name} takes nothing beyond this`,
    },
  },
  examples: ['verdict provision --nats nats://nats-1:4222,nats://nats-2:4222 --replicas 3'],
  async run(options, _positionals, { terminal, env }) {
    const url = options.nats ?? env['VERDICT_NATS_URL'] ?? 'nats://127.0.0.1:4222'
    const role = 'provisioner'
    const step = terminal.step(`declaring ${DECISIONS.name} and the stores of policies at ${url}`)
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
