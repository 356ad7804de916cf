import {
  createSubscriber,
  declareEventConsumer,
  filterSubjects,
  subscriberSeedFile,
} from '@verdict/bus'
import { Outcome } from '@verdict/contract'
import { usage } from '../arguments.ts'
import { defineCommand, ExitCode } from '../command.ts'
import { busOptions, withBus } from '../policy/bus.ts'
import { shownPath } from '../shown-path.ts'
import { keysDirOf, reloadServer } from './reload.ts'

export const addSubscriber = defineCommand({
  name: 'subscriber add',
  summary: 'make a key and a durable consumer for a subscriber',
  description: `
Makes a key with which NAME can read the events of its own durable consumer, and nothing else, and
that consumer. With filters it is told of what fits all of those that are given; each may be given
several times. Without any it is told of everything, and can prove that nothing is missing.
The nats-server of \`verdict dev\` takes on the key at once.
`,
  positionals: 'NAME',
  positionalsMax: 1,
  options: {
    outcome: { kind: 'list', value: 'OUTCOME', help: `only ${Object.values(Outcome).join(', ')}` },
    service: { kind: 'list', value: 'NAME', help: 'only decisions about requests to this service' },
    namespace: { kind: 'list', value: 'NAME', help: 'only to services of this namespace' },
    'from-start': { kind: 'flag', help: 'begin with what the stream still holds, up to 72 hours' },
    ...busOptions,
  },
  examples: ['verdict subscriber add siem', 'verdict subscriber add alerts --outcome deny'],
  async run(options, [name], { terminal, env }) {
    if (name === undefined) throw usage('subscriber add', 'a name for the subscriber is needed')
    const outcomes = options.outcome.map(outcomeOf)
    const { namespace: namespaces, service: services } = options
    const filters = filterSubjects({ outcomes, namespaces, services })
    const keysDir = keysDirOf(options)
    const subscriber = await createSubscriber(keysDir, { name, filters })
    await withBus({ values: options, env }, 'provisioner', async (nc) => {
      await declareEventConsumer(nc, subscriber, { fromStart: options['from-start'] })
    })
    terminal.line(`key       ${shownPath(subscriberSeedFile(keysDir, name))}`)
    terminal.line(`consumer  ${name}`)
    terminal.line(`told of   ${filters.join(' ') || 'everything'}`)
    await reloadServer(options, { terminal, added: name })
    return ExitCode.ok
  },
})

function outcomeOf(text: string): Outcome {
  const found = Object.values(Outcome).find((outcome) => outcome === text)
  if (found !== undefined) return found
  const known = Object.values(Outcome).join(', ')
  throw usage('subscriber add', `\`--outcome ${text}\`: expected one of ${known}`)
}
