import { type Alarm, FindingKind } from '../chain/finding.ts'
import { isFatal } from '../database.ts'
import type { WitnessPolicy } from './witness-policy.ts'
import { WitnessedShards } from './witnessed-shards.ts'
import type { WitnessEvent } from './witnesses.ts'

export interface WitnessAlarmsOptions {
  readonly policy: WitnessPolicy
  /** Where alarms are put on the record. */
  readonly record: {
    raise(alarm: Alarm): unknown
    settle(alarm: Pick<Alarm, 'kind' | 'subject'>): unknown
  }
  readonly onEvent: (event: WitnessEvent) => void
  /** The log can't be written any more. */
  readonly onFailed: (error: unknown) => void
}

/** The logs that are witnessed; a witness that contradicts is on the record until it cosigns. */
export function witnessed({
  onEvent,
  onFailed,
  policy,
  record,
}: WitnessAlarmsOptions): WitnessedShards {
  return new WitnessedShards({
    policy,
    onFailed,
    onEvent: (event) => {
      onEvent(event)
      try {
        takeEvent(record, event)
      } catch (error) {
        // Otherwise the disk is full, and the next answer of that witness is another try.
        if (isFatal(error)) onFailed(error)
      }
    },
  })
}

function takeEvent(record: WitnessAlarmsOptions['record'], event: WitnessEvent): void {
  if (event.kind !== 'cosigned' && event.kind !== 'contradiction') return
  const alarm = { kind: FindingKind.witnessContradiction, subject: event.witness }
  if (event.kind === 'cosigned') record.settle(alarm)
  else record.raise({ ...alarm, detail: event.error.message, evidence: event.evidence })
}
