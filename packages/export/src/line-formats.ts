import { toCef } from './cef.ts'
import { toCloudEvent } from './cloud-event.ts'
import { toEcs } from './ecs.ts'
import type { LoggedDecision } from './logged-decision.ts'
import { toOcsf } from './ocsf.ts'

/** The formats of which a decision is one line of text. */
export const LINE_FORMATS = {
  json: (decision) => JSON.stringify(decision),
  ocsf: (decision) => JSON.stringify(toOcsf(decision)),
  ecs: (decision) => JSON.stringify(toEcs(decision)),
  cef: toCef,
  cloudevents: (decision) => JSON.stringify(toCloudEvent(decision)),
} as const satisfies Readonly<Record<string, (decision: LoggedDecision) => string>>
export type LineFormat = keyof typeof LINE_FORMATS

export function isLineFormat(name: string): name is LineFormat {
  return Object.hasOwn(LINE_FORMATS, name)
}
