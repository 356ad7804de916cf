/** Which rules have labels, and which could not be given theirs. */
export interface LabelsReport {
  /** By their numbers; each once, in the order of the files and of the rules in them. */
  readonly names: readonly string[]
  /** How many rules tell when they hold. */
  readonly rules: number
  /** Rules with a label that do not tell, and files of which none does. */
  readonly leftAlone: readonly {
    readonly file?: string
    readonly line?: number
    readonly why: string
  }[]
}
