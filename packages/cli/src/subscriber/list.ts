import { describeEventConsumer, readSubscribers } from '@verdict/bus'
import { defineCommand, ExitCode } from '../command.ts'
import { busOptions, withBus } from '../policy/bus.ts'
import { keysDirOf } from './reload.ts'

export const listSubscribers = defineCommand({
  name: 'subscriber list',
  summary: 'show the subscribers, and how far behind they are',
  description: `
Shows each subscriber, how many events wait for it, how many it has in hand and has not
acknowledged, and what it is told of.
`,
  positionals: '',
  positionalsMax: 0,
  options: busOptions,
  examples: ['verdict subscriber list'],
  async run(options, _positionals, { terminal, env }) {
    const known = await readSubscribers(keysDirOf(options))
    const rows = await withBus({ values: options, env }, 'provisioner', async (nc) => {
      const found: string[][] = []
      for (const { filters, name } of known) {
        const consumer = await describeEventConsumer(nc, name)
        const state = consumer
          ? [String(consumer.waiting), String(consumer.inHand)]
          : ['no consumer', '-']
        found.push([name, ...state, filters.join(' ') || 'everything'])
      }
      return found
    })
    const [name, waiting, inHand] = [24, 12, 8]
    for (const row of [['subscriber', 'waiting', 'in hand', 'told of'], ...rows]) {
      const [who = '', waits = '', has = '', what = ''] = row
      const cells = [who.padEnd(name), waits.padStart(waiting), has.padStart(inHand), what]
      terminal.line(cells.join('  '))
    }
    return ExitCode.ok
  },
})
