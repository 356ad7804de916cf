import { setTimeout as delay } from 'node:timers/promises'
import { listPointers } from '@verdict/bus'
import type { BundlePointer } from '@verdict/policy'
import { type CommandContext, defineCommand, ExitCode } from '../command.ts'
import { printable, type Style } from '../terminal.ts'
import { busOptions, withBus } from './bus.ts'
import { Fleet, type FleetRow, type FleetState, HEARD_ALL_MS, isBehind } from './fleet.ts'
import { pointerClaims } from './pointer-claims.ts'

const DIGEST_CHARS = 12
const STYLES: Readonly<Record<FleetState, Style>> = {
  active: 'green',
  lags: 'yellow',
  refused: 'red',
  waiting: 'yellow',
  unpointed: 'dim',
  folder: 'dim',
}

interface Status {
  readonly inForce: ReadonlyMap<string, BundlePointer>
  /** Names whose pointers say nothing that can be read. */
  readonly malformed: readonly string[]
  readonly fleet: readonly FleetRow[]
}

export const policyStatus = defineCommand({
  name: 'policy status',
  summary: 'show what is in force, and what each decision point runs',
  description: `
Shows the bundles that are in force by their pointers, and what every decision point says that it
runs, after it has listened for three seconds. Ends with 1 where one of them runs something else,
or nothing, or a pointer can't be read.
`,
  positionals: '',
  positionalsMax: 0,
  options: { ...busOptions, json: { kind: 'flag', help: 'print JSON' } },
  examples: ['verdict policy status', 'verdict policy status --json | jq .fleet'],
  async run(values, _positionals, context) {
    const status = await look({ values, env: context.env }, values.json, context)
    if (values.json) context.terminal.line(JSON.stringify(jsonOf(status)))
    else print(status, context)
    const isWell = status.malformed.length === 0 && !status.fleet.some(isBehind)
    return isWell ? ExitCode.ok : ExitCode.failed
  },
})

async function look(
  place: Parameters<typeof withBus>[0],
  quiet: boolean,
  { terminal, stop }: CommandContext,
): Promise<Status> {
  return await withBus(place, 'operator', async (nc) => {
    using fleet = new Fleet(nc)
    const step = quiet ? undefined : terminal.step('listening to the decision points')
    try {
      await delay(HEARD_ALL_MS, undefined, { signal: stop })
      const pointers = await listPointers(nc)
      const read = [...pointers].map(([name, jws]) => [name, pointerClaims(jws)] as const)
      const inForce = new Map(read.filter(isRead))
      const malformed = read.filter((each) => !isRead(each)).map(([name]) => name)
      step?.done()
      return { inForce, malformed, fleet: fleet.rows(inForce) }
    } catch (error) {
      step?.failed()
      throw error
    }
  })
}

function isRead(
  pointer: readonly [string, BundlePointer | undefined],
): pointer is readonly [string, BundlePointer] {
  return pointer[1] !== undefined
}

function jsonOf({ inForce, malformed, fleet }: Status): object {
  return { inForce: [...inForce.values()], malformed, fleet }
}

function print({ inForce, malformed, fleet }: Status, { terminal }: CommandContext): void {
  const pointers = [...inForce].map(([name, { revision, serial, digest, version, rollback }]) => [
    name,
    revision,
    String(serial),
    digest.slice(0, DIGEST_CHARS),
    `${new Date(version).toISOString()}${rollback ? ' (rollback)' : ''}`,
  ])
  const broken = malformed.map((name) => [name, 'can not be read'])
  table(terminal, ['IN FORCE', 'REVISION', 'SERIAL', 'DIGEST', 'PUSHED'], [...pointers, ...broken])
  terminal.line()
  const rows = fleet.map(({ instance, bundle = '-', active, refused, state }) => [
    instance,
    bundle,
    active?.revision ?? '-',
    String(active?.serial ?? '-'),
    active?.digest.slice(0, DIGEST_CHARS) ?? '-',
    active?.since ?? '-',
    refused === undefined ? state : `${state}: ${refused}`,
  ])
  const heads = ['INSTANCE', 'BUNDLE', 'REVISION', 'SERIAL', 'DIGEST', 'SINCE', 'STATE']
  table(terminal, heads, rows, (index) => STYLES[fleet[index]?.state ?? 'folder'])
  const behind = fleet.filter(isBehind).length
  terminal.line()
  terminal.line(`${fleet.length - behind} as they should be, ${behind} behind`)
}

function table(
  terminal: CommandContext['terminal'],
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  styleOf: (index: number) => Style | undefined = () => undefined,
): void {
  const shown = rows.map((row) => row.map(printable))
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...shown.map((row) => row[column]?.length ?? 0)),
  )
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  terminal.line(terminal.paint('bold', line(heads)))
  if (shown.length === 0) terminal.line('none')
  for (const [index, row] of shown.entries()) {
    const style = styleOf(index)
    terminal.line(style === undefined ? line(row) : terminal.paint(style, line(row)))
  }
}
