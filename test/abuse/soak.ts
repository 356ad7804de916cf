import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'

/** The abuses of this folder, each for longer: `npm run soak`. */

const HELP = `npm run soak -- [--length N]

Runs the tests of test/abuse with N times as many rounds after the warm-up, in which memory
must stay flat. Needs Linux, whose /proc tells what a process holds.

  --length N   from 1 to 1000 (10)
  --help       this text
`
const LENGTH_MAX = 1_000

const { values } = parseArgs({
  options: { length: { type: 'string', default: '10' }, help: { type: 'boolean' } },
})
const length = Number(values.length)
if (values.help) {
  process.stdout.write(HELP)
} else if (!Number.isInteger(length) || length < 1 || length > LENGTH_MAX) {
  process.stderr.write(`\`--length\` can't be \`${values.length}\`: give 1 to ${LENGTH_MAX}\n`)
  process.exitCode = 2
} else {
  const vitest = ['vitest', 'run', 'test/abuse', '--config', 'test/vitest.config.ts']
  const child = spawn('npx', [...vitest, '--project', 'native'], {
    stdio: 'inherit',
    env: { ...process.env, ABUSE_LENGTH: String(length) },
  })
  child.on('close', (code) => {
    const verdict =
      code === 0 ? 'withstood: answered others, memory flat' : 'NOT withstood: see above'
    process.stdout.write(`soak, ${length} times as long: ${verdict}\n`)
    process.exitCode = code ?? 1
  })
}
