import { readSubscribers, removeEventConsumer, removeSubscriber } from '@verdict/bus'
import { usage } from '../arguments.ts'
import { defineCommand, ExitCode } from '../command.ts'
import { busOptions, withBus } from '../policy/bus.ts'
import { keysDirOf, reloadServer } from './reload.ts'

export const dropSubscriber = defineCommand({
  name: 'subscriber remove',
  summary: 'take the key and the durable consumer of a subscriber away',
  description: `
Removes the durable consumer and the key of NAME. The nats-server of \`verdict dev\` ends its
connections at once.
`,
  positionals: 'NAME',
  positionalsMax: 1,
  options: busOptions,
  examples: ['verdict subscriber remove siem'],
  async run(options, [name], { terminal, env }) {
    const keysDir = keysDirOf(options)
    const known = await readSubscribers(keysDir)
    if (name === undefined || !known.some((subscriber) => subscriber.name === name)) {
      const names = known.map((subscriber) => subscriber.name).join(', ') || 'none'
      throw usage(
        'subscriber remove',
        `expected the name of a subscriber, of which there are: ${names}`,
      )
    }
    await withBus({ values: options, env }, 'provisioner', async (nc) => {
      await removeEventConsumer(nc, name)
    })
    await removeSubscriber(keysDir, name)
    terminal.line(`${name} is no subscriber any more`)
    await reloadServer(options, { terminal })
    return ExitCode.ok
  },
})
