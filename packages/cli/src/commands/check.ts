import type { CheckAnswer } from '@verdict/contract'
import { answerTo } from '../check/answer.ts'
import { queryFrom, requestOptions } from '../check/question.ts'
import { type CommandContext, defineCommand, ExitCode } from '../command.ts'
import { dataDirOption } from '../data-dir.ts'
import { printable } from '../terminal.ts'

export const check = defineCommand({
  name: 'check',
  summary: 'ask for one decision',
  description: `
Asks the cluster for one decision, which goes on the record like any other. Exits with 0
when it is allow, 1 when it is anything else, 3 when there is none; 2 is for wrong arguments.
`,
  positionals: '',
  positionalsMax: 0,
  options: {
    ...requestOptions,
    nats: { kind: 'text', value: 'URL', help: 'the nats-server (default: the running cluster)' },
    'data-dir': dataDirOption,
    json: { kind: 'flag', help: 'print the answer as JSON' },
  },
  examples: [
    'verdict check --path /catalog --namespace shop --service catalog',
    'verdict check --path /orders/1 --service orders --header @.verdict/demo/alice.header',
    'verdict check --file request.json --json',
  ],
  async run(values, _positionals, context) {
    const query = await queryFrom(values, 'check', context)
    const asked = { dataDir: values['data-dir'], nats: values.nats }
    const answer = await answerTo(query, asked, 'verdict check')
    print(answer, values.json, context)
    if ('error' in answer) return ExitCode.fault
    return answer.outcome === 'allow' ? ExitCode.ok : ExitCode.failed
  },
})

function print(answer: CheckAnswer, json: boolean, { terminal }: CommandContext): void {
  if (json) {
    terminal.line(JSON.stringify(answer))
  } else if ('error' in answer) {
    const { code, message } = answer.error
    const text = `no decision (${printable(code)}): ${printable(message)}`
    terminal.error(`${terminal.paint('red', 'verdict:')} ${text}`)
  } else {
    const style = answer.outcome === 'allow' ? 'green' : 'red'
    terminal.line(`outcome  ${terminal.paint(style, answer.outcome)}`)
    terminal.line(`reason   ${printable(answer.reason)}`)
    terminal.line(`status   ${answer.status}`)
    terminal.line(`id       ${printable(answer.id)}`)
  }
}
