import { setTimeout as delay } from 'node:timers/promises'
import type { NatsConnection } from '@verdict/bus'
import type { BundlePointer } from '@verdict/policy'
import type { CommandContext } from '../command.ts'
import { CliError, CliErrorCode } from '../errors.ts'
import { printable } from '../terminal.ts'
import { Fleet, type FleetRow, HEARD_ALL_MS } from './fleet.ts'

const LOOK_INTERVAL_MS = 100

export interface RolloutOptions {
  readonly timeoutMs: number
  readonly context: CommandContext
}

/**
 * Waits until every decision point that follows the name says that it runs what is in force.
 * @throws {CliError} `fleet_behind` where one does not in time, or none follows the name
 */
export async function waitForFleet(
  nc: NatsConnection,
  pointer: BundlePointer,
  { timeoutMs, context: { terminal, stop } }: RolloutOptions,
): Promise<void> {
  using fleet = new Fleet(nc)
  const began = performance.now()
  const step = terminal.step(`waiting for the decision points`)
  const inForce = new Map([[pointer.name, pointer]])
  try {
    for (;;) {
      const rows = fleet.rows(inForce).filter(({ bundle }) => bundle === pointer.name)
      const behind = rows.filter(({ state }) => state !== 'active')
      const waited = performance.now() - began
      if (rows.length > 0 && behind.length === 0 && waited >= HEARD_ALL_MS) {
        step.done(`${rows.length} run it`)
        return
      }
      if (waited >= timeoutMs) throw late(pointer, rows.length, behind)
      step.update(`${rows.length - behind.length} of ${rows.length} run it`)
      await delay(LOOK_INTERVAL_MS, undefined, { signal: stop })
    }
  } catch (error) {
    step.failed()
    throw error
  }
}

function late({ name }: BundlePointer, all: number, behind: readonly FleetRow[]): CliError {
  if (all === 0) {
    const message = `\`${name}\` is in force, but no decision point follows it`
    return new CliError(CliErrorCode.fleetBehind, `${message}: see VERDICT_AUTHZ_BUNDLES`)
  }
  const each = behind.map(({ instance, state, refused }) => `${instance} (${refused ?? state})`)
  const message = `\`${name}\` is in force, but not run by ${printable(each.join(', '))}`
  return new CliError(CliErrorCode.fleetBehind, message)
}
