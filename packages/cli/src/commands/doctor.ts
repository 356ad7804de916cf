import path from 'node:path'
import { defineCommand, ExitCode } from '../command.ts'
import { dataDirOption } from '../data-dir.ts'
import { PORT_BASE_MAX, PORT_BASE_MIN } from '../dev/ports.ts'
import { clusterFindings } from '../doctor/cluster.ts'
import type { Finding } from '../doctor/finding.ts'
import { clockFinding, keysFinding, portsFinding } from '../doctor/machine.ts'
import { versionFindings } from '../doctor/versions.ts'
import { runningCluster } from '../running.ts'
import { printable, type Terminal } from '../terminal.ts'

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'look whether everything is as it should be',
  description: `
Looks at versions, ports, clock and keys, and where the cluster runs at the stream's settings
and the services. Each line is ok, or says what to do; exits with 1 where one is not ok.
`,
  positionals: '',
  positionalsMax: 0,
  options: {
    'data-dir': dataDirOption,
    'port-base': {
      kind: 'integer',
      value: 'N',
      min: PORT_BASE_MIN,
      max: PORT_BASE_MAX,
      help: 'look at these ports, where no cluster runs',
    },
    json: { kind: 'flag', help: 'print the findings as JSON' },
  },
  examples: ['verdict doctor', 'verdict doctor --json'],
  async run(options, _positionals, { terminal, env }) {
    const dataDir = path.resolve(options['data-dir'])
    const keysDir = path.join(dataDir, 'keys')
    const run = await runningCluster(dataDir)
    const findings = [
      ...(await versionFindings(env)),
      await portsFinding(run, options['port-base']),
      await clockFinding(run, dataDir),
      await keysFinding(keysDir),
      ...(await clusterFindings(run, keysDir)),
    ]
    if (options.json) terminal.line(JSON.stringify(findings))
    else for (const finding of findings) terminal.line(render(finding, terminal))
    return findings.some(({ fix }) => fix !== undefined) ? ExitCode.failed : ExitCode.ok
  },
})

function render({ subject, detail, fix }: Finding, terminal: Terminal): string {
  const name = subject.padEnd('nats-server'.length)
  if (fix === undefined) return `${terminal.paint('green', 'ok')}  ${name}  ${printable(detail)}`
  const todo = terminal.paint('bold', printable(fix))
  return `${terminal.paint('red', '!!')}  ${name}  ${printable(detail)}: ${todo}`
}
