import type { JournalPosition } from '@verdict/contract'

/** Encodes a record that says where it stands, and `note`. */
export function noting(note: string): (position: JournalPosition) => string {
  return ({ instance, epoch, n }) => JSON.stringify({ epoch, id: '', instance, n, note, v: 1 })
}
