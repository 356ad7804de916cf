import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from '@verdict/service'
import { formatVerifierKey } from '@verdict/tlog'
import type { CommandContext } from '../command.ts'
import { CliError, CliErrorCode } from '../errors.ts'
import { printable, type Terminal } from '../terminal.ts'
import { WitnessEvents } from './events.ts'
import { EvidenceFiles } from './evidence-files.ts'
import { createWitnessServer } from './server.ts'
import { Witness } from './witness.ts'
import { WitnessState, type WitnessStateOptions } from './witness-state.ts'
import { baseOfShard, type WitnessedLogs } from './witnessed-logs.ts'

export interface ServeOptions extends WitnessStateOptions {
  readonly stateDir: string
  readonly logs: WitnessedLogs
  readonly listen: { readonly host: string; readonly port: number }
}

/** Runs a witness until it is asked to stop. @throws {CliError} where it can't go on */
export async function serveWitness(options: ServeOptions, context: CommandContext): Promise<void> {
  const { logs, stateDir } = options
  const { force, stop, terminal } = context
  using state = new WitnessState(stateDir, options)
  const evidence = new EvidenceFiles(stateDir)
  const events = new WitnessEvents(terminal)
  const known = state.all().map(({ checkpoint }) => checkpoint)
  events.knows(logs.keys(), known, evidence.count())
  const failed = Promise.withResolvers<never>()
  // Where it fails while nobody waits, the wait that follows is told.
  failed.promise.catch(() => {})
  const witness = new Witness({ logs, state, evidence, events })
  const http = createWitnessServer({ witness, state, events, fail: failed.reject })
  try {
    tellWhoItIs(terminal, state, options)
    terminal.line(`listening on ${await listen(http, options.listen)}`)
    if (!stop.aborted) await Promise.race([once(stop, 'abort'), failed.promise])
  } finally {
    const closeAll = (): void => http.server.closeAllConnections()
    force.addEventListener('abort', closeAll, { once: true })
    // Requests that are at work are answered before.
    await http.close()
  }
}

function tellWhoItIs(
  terminal: Terminal,
  state: WitnessState,
  { logs, stateDir }: Pick<ServeOptions, 'logs' | 'stateDir'>,
): void {
  for (const { verifier } of state.keys.signers) {
    terminal.line(`key    ${formatVerifierKey(verifier)}`)
  }
  const cosigned = new Map(
    state.all().map(({ checkpoint }) => [checkpoint.origin, checkpoint.size]),
  )
  const shards = [...cosigned.keys()].filter((origin) => baseOfShard(logs, origin) !== undefined)
  for (const origin of new Set([...logs.keys(), ...shards])) {
    const size = cosigned.get(origin)
    const seen = size === undefined ? 'nothing cosigned yet' : `cosigned up to ${size} entries`
    terminal.line(`log    ${printable(origin)}, ${seen}`)
  }
  terminal.line(`state  ${stateDir}`)
}

async function listen(
  http: FastifyInstance,
  { host, port }: { host: string; port: number },
): Promise<string> {
  try {
    await http.listen({ host, port })
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const inUse = code === 'EADDRINUSE'
    throw new CliError(
      inUse ? CliErrorCode.portInUse : CliErrorCode.cannotListen,
      inUse
        ? `port ${port} of \`${host}\` is in use: name another with \`--listen\``
        : `\`${host}:${port}\` can't be listened on: ${message}`,
      { cause },
    )
  }
  const address = http.server.address() as AddressInfo
  return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`
}
