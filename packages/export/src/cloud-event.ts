import { destinationName, type LoggedDecision } from './logged-decision.ts'

const TRACE_ID = /^(?!0+$)[0-9a-f]{32}$/

/**
 * A decision as a CloudEvent 1.0 in JSON, with the same attributes as the events over NATS; the
 * extension `sequence` is its number in the log, which begins again nowhere.
 */
export function toCloudEvent({ hash, index, record }: LoggedDecision): Record<string, unknown> {
  const { id, instance, request, time } = record
  const { traceId } = request
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
    // The decision is a span of its caller's trace, named by the random part of its id.
    ...(traceId !== undefined &&
      TRACE_ID.test(traceId) && {
        traceparent: `00-${traceId}-${id.slice(19, 23)}${id.slice(24)}-01`,
      }),
    data: record,
  }
}
