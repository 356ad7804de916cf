import type { StreamConfig } from '@nats-io/jetstream'

/** What all streams of ours are: messages stay as they were published, until limits take them. */
export const PLAIN_STREAM = {
  retention: 'limits',
  storage: 'file',
  max_msgs: -1,
  sealed: false,
  mirror_direct: false,
  allow_msg_ttl: false,
  allow_msg_schedules: false,
  allow_msg_counter: false,
  allow_atomic: false,
  allow_batched: false,
} as const satisfies Partial<Record<keyof StreamConfig, unknown>>
