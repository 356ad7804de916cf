import { destinationName, type LoggedDecision } from './logged-decision.ts'
import { readable } from './readable-record.ts'

const TRACE_ID = /^(?!0+$)[0-9a-f]{32}$/

/**
 * A decision as a CloudEvent 1.0 in JSON, with the same attributes as the events over NATS. The
 * extension `sequence` is its number in the log, which begins again nowhere; `leaf` is where it is
 * for whoever verifies it, and `opened` names what was decrypted, which `chainhash` is not about.
 */
export function toCloudEvent(decision: LoggedDecision): Record<string, unknown> {
  const { hash, index, leaf, opened, origin, record } = decision
  const { id, instance, time } = record
  const { traceId } = readable(decision).record.request
  return {
    specversion: '1.0',
    type: 'dev.verdict.decision.v1',
    source: `/verdict/authz/${encodeURIComponent(instance)}`,
    id,
    time,
    subject: destinationName(record),
    datacontenttype: 'application/json',
    sequence: String(index),
    chainhash: hash,
    ...(origin !== undefined && leaf !== undefined && { leaf: `${origin} ${leaf}` }),
    ...(opened !== undefined && { opened: opened.join(',') }),
    // The decision is a span of its caller's trace, named by the random part of its id.
    ...(traceId !== undefined &&
      TRACE_ID.test(traceId) && {
        traceparent: `00-${traceId}-${id.slice(19, 23)}${id.slice(24)}-01`,
      }),
    data: record,
  }
}
