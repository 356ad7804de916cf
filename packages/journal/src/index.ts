export { createDirectory, DRAFT, writeDurably } from './durable-files.ts'
export { JournalError, JournalErrorCode } from './errors.ts'
export type { Journal, JournalStats } from './journal.ts'
export { type Fill, NEARLY_FULL, WAITING_BYTES_MAX } from './journal-room.ts'
export {
  BYTES_MAX_MIN,
  DEFAULT_BYTES_MAX,
  DEFAULT_SEGMENT_BYTES_MAX,
  type JournalOptions,
  openJournal,
} from './open-journal.ts'
export {
  RESEND_AFTER_MS,
  RESEND_AFTER_MS_MAX,
  Resender,
  type ResenderOptions,
} from './resender.ts'
export { DEFAULT_KEY_AGE_MS_MAX } from './sealer.ts'
export {
  DEFAULT_LINGER_MS,
  type ShipEvent,
  type Shipper,
  type ShipperOptions,
  shipJournal,
} from './shipper.ts'
