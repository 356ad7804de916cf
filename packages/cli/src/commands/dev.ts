import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { defineCommand, ExitCode } from '../command.ts'
import { dataDirOption } from '../data-dir.ts'
import { SHIPPED_POLICIES } from '../dev/audit-access.ts'
import { PORT_BASE_MAX, PORT_BASE_MIN } from '../dev/ports.ts'
import { runCluster } from '../dev/run.ts'

/** Where opa-envoy-plugin's users have their decision. */
const DEFAULT_ENTRYPOINT = 'envoy/authz/allow'

export const dev = defineCommand({
  name: 'dev',
  summary: 'run the whole cluster on this machine',
  description: `
Runs the whole cluster on this machine: nats-server, the four services, and in front of
a small shop an Envoy that asks for every decision. This is what \`npm start\` runs.
`,
  positionals: '',
  positionalsMax: 0,
  options: {
    policies: {
      kind: 'text',
      value: 'DIR',
      help: 'a folder of Rego and data, as `opa run` takes it (default: the policies shipped)',
    },
    entrypoint: {
      kind: 'text',
      value: 'A/B',
      default: DEFAULT_ENTRYPOINT,
      help: 'the rule to ask',
    },
    'data-dir': dataDirOption,
    'port-base': {
      kind: 'integer',
      value: 'N',
      min: PORT_BASE_MIN,
      max: PORT_BASE_MAX,
      help: 'move every port: authz at N (HTTP) and N+1 (gRPC), the others behind them',
    },
    issuers: {
      kind: 'text',
      value: 'FILE',
      help: 'the issuers whose tokens are accepted (default: an issuer made for the demo)',
    },
    'no-demo': { kind: 'flag', help: "leave out the demo's Envoy, shop and users" },
    verbose: { kind: 'flag', help: 'show all that the processes log' },
  },
  examples: [
    'verdict dev',
    'verdict dev --policies ./my-policies --entrypoint app/allow --no-demo',
    'verdict dev --port-base 20000 --data-dir /tmp/second',
  ],
  async run(options, _positionals, context) {
    // npm runs its scripts at the root of the project, and says where it was called.
    const cwd = context.env['INIT_CWD'] ?? process.cwd()
    const dataDir = path.resolve(options['data-dir'])
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    await runCluster(
      {
        policiesDir: path.resolve(options.policies ?? SHIPPED_POLICIES),
        entrypoint: options.entrypoint,
        dataDir,
        portBase: options['port-base'],
        demo: !options['no-demo'],
        issuersFile: options.issuers === undefined ? undefined : path.resolve(options.issuers),
        verbose: options.verbose,
        cwd,
      },
      context,
    )
    return context.force.aborted ? ExitCode.interrupted : ExitCode.ok
  },
})
