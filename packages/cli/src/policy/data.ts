import { text } from 'node:stream/consumers'
import { POLICY_DATA_VALUE_BYTES_MAX, putPolicyData, readPolicyData } from '@verdict/bus'
import { usage } from '../arguments.ts'
import { type CommandContext, defineCommand, ExitCode } from '../command.ts'
import { busOptions, withBus } from './bus.ts'

const ACTIONS = ['get', 'put', 'delete'] as const
type Action = (typeof ACTIONS)[number]

export const policyData = defineCommand({
  name: 'policy data',
  summary: 'read and change the data that the policies use',
  description: `
Reads, puts or deletes the JSON at one path of \`data\`, beside what the bundles hold: a path is
/shop/roles, as in a JSON pointer (\`~1\` is a slash, \`~0\` a tilde). A change is in effect as soon
as the decision points hear of it. \`get\` ends with 1 where nothing was put at the path itself.
`,
  positionals: `${ACTIONS.join('|')} PATH [VALUE|-]`,
  positionalsMax: 3,
  options: busOptions,
  examples: [
    `verdict policy data put /shop/roles/alice '["buyer"]'`,
    'verdict policy data put /shop/roles - < roles.json',
    'verdict policy data get /shop/roles/alice',
    'verdict policy data delete /shop/roles/alice',
  ],
  async run(values, [action, where, value], context) {
    if (!isAction(action)) throw wrong(`expected one of ${ACTIONS.join(', ')}`)
    if (where === undefined) throw wrong('the path is needed')
    if (action === 'put' && value === undefined) throw wrong('the value is needed')
    if (action !== 'put' && value !== undefined) throw wrong(`\`${action}\` takes no value`)
    const at = pathOf(where)
    const place = { values, env: context.env }
    if (action === 'get') {
      const found = await withBus(place, 'operator', (nc) => readPolicyData(nc, at))
      if (found === undefined) return ExitCode.failed
      context.terminal.line(new TextDecoder().decode(found.value))
      return ExitCode.ok
    }
    const json = value === undefined ? undefined : await jsonOf(value, context)
    const { revision } = await withBus(place, 'policy-data', (nc) => putPolicyData(nc, at, json))
    context.terminal.line(`revision ${revision}`)
    return ExitCode.ok
  },
})

function isAction(word: string | undefined): word is Action {
  return ACTIONS.some((action) => action === word)
}

function pathOf(where: string): string[] {
  const segments = where.replace(/^\//, '').split('/')
  if (where === '' || where === '/') throw wrong('the whole of `data` is not one value')
  return segments.map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** The text as it was given, so that no number in it loses digits. */
async function jsonOf(value: string, { stdin }: CommandContext): Promise<string> {
  const given = value === '-' ? await text(stdin) : value
  if (given.length > POLICY_DATA_VALUE_BYTES_MAX) throw wrong('the value is too long')
  try {
    JSON.parse(given)
    return given.trim()
  } catch {
    throw wrong('the value is no JSON: a text needs its quotes')
  }
}

function wrong(problem: string): Error {
  return usage('policy data', problem)
}
