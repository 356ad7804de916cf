import path from 'node:path'
import { shownPath } from '../shown-path.ts'
import type { Terminal } from '../terminal.ts'
import type { Row } from './cluster.ts'
import type { Ports } from './ports.ts'

export interface BannerOptions {
  readonly rows: readonly Row[]
  readonly ports: Ports
  readonly dataDir: string
  /** Where the user is: what is printed can be pasted there. */
  readonly cwd: string
  /** How requests reach the cluster. */
  readonly way: DemoWay
  /** Where bundles decide: the file that names them. */
  readonly bundlesFile?: string | undefined
  /** `off` where nobody is asked who may read the log. */
  readonly authorization?: string
}

export interface DemoWay {
  /** Through the demo's Envoy, or straight to the HTTP endpoint. */
  readonly through: 'envoy' | 'authz'
  /** Why there is no Envoy, where there was to be one. */
  readonly reason?: string
  /** Whether the demo's users have tokens. */
  readonly users: boolean
}

/** Something to paste, and what it shows. */
export interface Suggestion {
  readonly what: string
  readonly command: string
}

/** What runs where, and what to try. */
export function printBanner(options: BannerOptions, terminal: Terminal): void {
  terminal.line()
  for (const line of table(options)) terminal.line(line)
  terminal.line()
  const { way } = options
  if (way.reason !== undefined) terminal.line(`There is no Envoy: ${way.reason}`)
  terminal.line('Try, in another terminal:')
  for (const { what, command } of suggestions(options)) {
    terminal.line()
    terminal.line(`  ${terminal.paint('dim', `# ${what}`)}`)
    terminal.line(`  ${terminal.paint('bold', command)}`)
  }
  terminal.line()
  const { bundlesFile } = options
  const policies = bundlesFile
    ? `The bundles of ${bundlesFile} decide, as they are pushed.`
    : 'Policies are loaded anew when a file changes.'
  terminal.line(`${policies} Ctrl-C stops everything.`)
  if (options.authorization === 'off') {
    const ask = 'VERDICT_AUDIT_AUTHORIZATION=policy asks your policies'
    terminal.line(`Whoever reaches audit may read the log: ${ask}.`)
  }
}

/** The three commands that the start ends with. */
export function suggestions(options: BannerOptions): readonly Suggestion[] {
  const { dataDir, cwd, way, ports } = options
  const header = quoted(shownPath(path.join(dataDir, 'demo', 'alice.header'), cwd))
  const curl = (service: string, request: string, path: string): string =>
    [
      'curl -i',
      ...(way.users ? [`-H @${header}`] : []),
      // Envoy's routes name the service; here the host does, below the domain of the gateway.
      ...(way.through === 'authz' ? [`-H 'host: ${service}.shop'`] : []),
      ...(request === '' ? [] : [`-X ${request}`]),
      way.through === 'envoy'
        ? `http://127.0.0.1:${ports.envoy}${path}`
        : `http://127.0.0.1:${ports.authzHttp}/check${path}`,
    ].join(' ')
  const tail = { what: 'every decision, as it is taken', command: tailCommand(options) }
  if (way.users) {
    return [
      {
        what: 'allowed: alice is a customer and reads her order (200)',
        command: curl('orders', '', '/orders/1'),
      },
      {
        what: 'denied: only support refunds a payment (403)',
        command: curl('payments', 'POST', '/payments/1/refund'),
      },
      tail,
    ]
  }
  return [
    {
      what: 'allowed: anybody may read the catalogue (200)',
      command: curl('catalog', '', '/catalog'),
    },
    {
      what: 'denied: nobody deletes it, least of all without a login (401)',
      command: curl('catalog', 'DELETE', '/catalog'),
    },
    tail,
  ]
}

function tailCommand({ dataDir, cwd }: BannerOptions): string {
  if (path.resolve(cwd, '.verdict') === dataDir) return 'npx verdict tail'
  return `npx verdict tail --data-dir ${quoted(shownPath(dataDir, cwd))}`
}

function table({ rows, cwd }: BannerOptions): string[] {
  const cells = [
    ['service', 'address', 'pid', 'log'],
    ...rows.map(({ name, addresses, pid, log }) => [
      name,
      addresses,
      String(pid),
      log === undefined ? '' : shownPath(log, cwd),
    ]),
  ]
  const widths = [0, 1, 2].map((column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  )
  return cells.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd(),
  )
}

/** For a shell. */
function quoted(text: string): string {
  return /^[\w./@:-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
