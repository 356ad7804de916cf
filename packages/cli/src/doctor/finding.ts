/** What was looked at: `fix` is there where something is wrong, and says what to do. */
export interface Finding {
  readonly subject: string
  readonly detail: string
  readonly fix?: string
}
