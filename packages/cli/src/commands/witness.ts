import { hostname } from 'node:os'
import path from 'node:path'
import { isKeyName } from '@verdict/tlog'
import { usage } from '../arguments.ts'
import { defineCommand, ExitCode } from '../command.ts'
import { readNamedFile } from '../policy/files.ts'
import { ALGORITHM_NAMES, type CosignatureAlgorithm } from '../witness/witness-keys.ts'
import { logKeyLines, parseWitnessedLogs } from '../witness/witnessed-logs.ts'

const LISTEN = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/
const PORT_MAX = 65_535
/** A cosignature says in one byte how long the name of its witness is. */
const NAME_BYTES_MAX = 255

export const witness = defineCommand({
  name: 'witness',
  summary: 'cosign the checkpoints of logs, so that none can show two histories',
  description: `
Runs a witness (c2sp.org/tlog-witness). A log sends it each checkpoint, with a proof that the new
tree begins with all of the one before. The witness cosigns it only then, and remembers it before
it answers: a log can't take anything back, or show others another history, without the witness
refusing. Run it where whoever runs the log can't reach: it protects from them.

The first start makes the keys of the witness in the state directory and prints the public ones,
which go into the policies of those who verify the log. The state must never be put back to an
earlier one. docs/witness.md tells what a witness promises, and what to watch.
`,
  positionals: '',
  positionalsMax: 0,
  options: {
    'state-dir': {
      kind: 'text',
      value: 'DIR',
      help: 'keys, and what was cosigned: keep it, and keep it alone',
    },
    listen: {
      kind: 'text',
      value: 'HOST:PORT',
      default: '127.0.0.1:8185',
      help: 'where it listens; HTTPS needs a proxy',
    },
    log: { kind: 'list', value: 'VKEY', help: 'the public key of a log to be witnessed' },
    logs: { kind: 'text', value: 'FILE', help: 'a file of such keys, one a line, `#` comments' },
    name: {
      kind: 'text',
      value: 'NAME',
      help: 'what its keys are called, such as its URL (default: the host name)',
    },
    algorithm: {
      kind: 'list',
      value: ALGORITHM_NAMES.join('|'),
      help: 'what it cosigns with (default: both)',
    },
    'accept-copied-state': {
      kind: 'flag',
      help: 'the state directory was moved here and is the newest there is',
    },
  },
  examples: [
    'verdict witness --state-dir ./witness --log audit.example/log+59c2e7d1+AdMk…',
    'verdict witness --state-dir ./w --logs logs.txt --name w.example --listen 0.0.0.0:8185',
  ],
  async run(options, _positionals, context) {
    const stateDir = options['state-dir']
    if (stateDir === undefined) throw usage('witness', '`--state-dir` is needed')
    const { name } = options
    if (name !== undefined && !isWitnessName(name)) {
      throw usage('witness', `\`--name ${name}\`: a name has neither spaces nor \`+\``)
    }
    const listed = options.logs === undefined ? '' : String(await readNamedFile(options.logs))
    // Loaded by this command alone: the others start faster without a web server.
    const { serveWitness } = await import('../witness/serve.ts')
    await serveWitness(
      {
        stateDir: path.resolve(stateDir),
        logs: parseWitnessedLogs([...options.log, ...logKeyLines(listed)]),
        listen: addressOf(options.listen),
        algorithms: algorithmsOf(options.algorithm),
        ...(name !== undefined && { name }),
        defaultName: hostname(),
        acceptCopy: options['accept-copied-state'],
      },
      context,
    )
    return ExitCode.ok
  },
})

function isWitnessName(name: string): boolean {
  return isKeyName(name) && Buffer.byteLength(name) <= NAME_BYTES_MAX
}

function addressOf(listen: string): { host: string; port: number } {
  const [, ipv6, host = ipv6, port] = LISTEN.exec(listen) ?? []
  if (host !== undefined && Number(port) <= PORT_MAX) return { host, port: Number(port) }
  throw usage('witness', `\`--listen ${listen}\`: expected HOST:PORT, such as 127.0.0.1:8185`)
}

function algorithmsOf(names: readonly string[]): readonly CosignatureAlgorithm[] {
  const wrong = names.find((name) => !ALGORITHM_NAMES.some((known) => known === name))
  if (wrong !== undefined) {
    const expected = `expected one of ${ALGORITHM_NAMES.join(', ')}`
    throw usage('witness', `\`--algorithm ${wrong}\`: ${expected}`)
  }
  return ALGORITHM_NAMES.filter((name) => names.length === 0 || names.includes(name))
}
