import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { readSubscribers, subscriberSeedFile } from '@verdict/bus'
import { isDecision, messageOf } from '@verdict/contract'
import { fileState, type SubscriberError, subscribe, type VerifiedEvent } from '@verdict/subscriber'
import { usage } from '../arguments.ts'
import { type CommandContext, defineCommand, ExitCode } from '../command.ts'
import { busOptions } from '../policy/bus.ts'
import { addressesOf } from '../running.ts'
import { decisionLine } from '../tail/decision-line.ts'
import { keysDirOf } from './reload.ts'

export const followEvents = defineCommand({
  name: 'subscriber follow',
  summary: 'follow the events of a subscriber, each verified against the log',
  description: `
Reads the durable consumer of NAME and prints what is in the log as it came: a readable line each
on a terminal, one JSON object each in a pipe. An event that was changed, made up or held back is
told on standard error, and ends it with 1. The key of the log is one that you should have got some
other way than from the log.
`,
  positionals: 'NAME',
  positionalsMax: 1,
  options: {
    key: { kind: 'text', value: 'VKEY', help: 'the key of the log, `<origin>+<id>+<key>`' },
    policy: { kind: 'text', value: 'FILE', help: 'a tlog-policy: the witnesses that must sign' },
    log: {
      kind: 'text',
      value: 'URL',
      help: 'audit, or a mirror (default: the running cluster)',
    },
    seed: {
      kind: 'text',
      value: 'FILE',
      help: "the subscriber's key (default: in the data folder)",
    },
    state: {
      kind: 'text',
      value: 'FILE',
      help: 'what was seen (default: `NAME.state.json`)',
    },
    filtered: { kind: 'flag', help: 'it has filters: what is missing is not known' },
    json: { kind: 'flag', help: 'print JSON on a terminal too' },
    ...busOptions,
  },
  examples: ["verdict subscriber follow siem --key 'logs.example/audit+5d2e8a01+AU…'"],
  async run(options, [name], context) {
    const { env, stop, terminal } = context
    if (name === undefined) throw usage('subscriber follow', 'the name of the subscriber is needed')
    if (options.key === undefined) throw usage('subscriber follow', '`--key` is needed')
    const addresses = await addressesOf(options['data-dir'])
    const known = await readSubscribers(keysDirOf(options))
    const filters = known.find((subscriber) => subscriber.name === name)?.filters ?? []
    const policy = options.policy && (await readFile(options.policy, 'utf8'))
    const { done } = subscribe({
      url: options.nats ?? env['VERDICT_NATS_URL'] ?? addresses.natsUrl,
      seedFile: options.seed ?? subscriberSeedFile(keysDirOf(options), name),
      name,
      log: {
        url: options.log ?? addresses.auditUrl,
        key: options.key,
        ...(policy && { policy }),
      },
      state: fileState(path.resolve(options.state ?? `${name}.state.json`)),
      filtered: options.filtered || filters.length > 0,
      onEvents: async (events) => await print(events, options.json, context),
      onFault: (error) =>
        terminal.error(terminal.paint('dim', `${messageOf(error)}: trying again`)),
      signal: stop,
    })
    try {
      await done
      return ExitCode.ok
    } catch (error) {
      const { code, message } = error as SubscriberError
      terminal.error(`${code}: ${message}`)
      return ExitCode.failed
    }
  },
})

async function print(
  events: readonly VerifiedEvent[],
  asJson: boolean,
  { stop, terminal }: CommandContext,
): Promise<void> {
  for (const { record, json, hash, leaf, origin } of events) {
    const line =
      terminal.interactive && !asJson && isDecision(record)
        ? decisionLine(record, terminal)
        : `{"origin":${JSON.stringify(origin)},"leaf":${leaf},"hash":"${hash}","record":${json}}`
    await terminal.flow(line, stop)
  }
}
