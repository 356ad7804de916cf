import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { messageOf } from '@verdict/contract'
import { LINE_FORMATS, type LoggedDecision, PARQUET_ROWS_MAX } from '@verdict/export'
import { badFile } from '../policy/files.ts'
import { Draft } from './export-draft.ts'
import { draftName, type ExportKind, finishedName, resumeIn } from './export-name.ts'

const MARK_BYTES = 8
const DIR_MODE = 0o750

export interface DecisionFilesOptions extends ExportKind {
  readonly dir: string
  /** A file with more text is finished, but for one that has a single longer line. */
  readonly bytesMax: number
  /** A file is finished so long after its first decision; undefined: never for its age. */
  readonly ageMs: number | undefined
  readonly onFinished: (file: string, decisions: number) => void
}

/**
 * Files of decisions, one after the other, by size and age. What has a final name is whole and on
 * disk; of what is not finished nothing stays.
 */
export class DecisionFiles implements AsyncDisposable {
  readonly #options: DecisionFilesOptions
  /** Up to this index finished files have the log. */
  readonly exported: number
  #draft: Draft | undefined

  private constructor(options: DecisionFilesOptions, exported: number) {
    this.#options = options
    this.exported = exported
  }

  /** Goes on behind the files that are there. @throws {CliError} `bad_file` */
  static async open(options: DecisionFilesOptions): Promise<DecisionFiles> {
    const { dir, format } = options
    try {
      await mkdir(dir, { recursive: true, mode: DIR_MODE })
      return new DecisionFiles(options, await resumeIn(dir, format))
    } catch (cause) {
      throw badFile(dir, `can't be used: ${messageOf(cause)}`, cause)
    }
  }

  /** In how many ms a file has to be finished; undefined while there is none, or no age. */
  get dueMs(): number | undefined {
    const { ageMs } = this.#options
    if (this.#draft === undefined || ageMs === undefined) return undefined
    return Math.max(0, this.#draft.beganMs + ageMs - performance.now())
  }

  /** @throws {CliError} `bad_file` */
  async take(decision: LoggedDecision): Promise<void> {
    const { format } = this.#options
    const line = format === 'parquet' ? JSON.stringify(decision) : LINE_FORMATS[format](decision)
    const bytes = Buffer.byteLength(line) + 1
    if (this.#isFull(bytes)) await this.finish()
    await this.#written(async () => {
      this.#draft ??= await this.#begin(decision.index)
      if (format === 'parquet') this.#draft.addRow(decision, bytes)
      else await this.#draft.addLine(`${line}\n`, bytes, decision.index)
    })
  }

  /** Finishes what was begun. @throws {CliError} `bad_file` */
  async finish(): Promise<void> {
    const draft = this.#draft
    if (draft === undefined) return
    const { dir, onFinished } = this.#options
    const name = finishedName(draft, this.#options)
    await this.#written(async () => await draft.finish(name))
    this.#draft = undefined
    onFinished(path.join(dir, name), draft.count)
  }

  /** Gives up what is not finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#draft?.abandon()
    this.#draft = undefined
  }

  #isFull(bytes: number): boolean {
    const draft = this.#draft
    if (draft === undefined) return false
    const { bytesMax, format } = this.#options
    const hasRows = format === 'parquet' && draft.count >= PARQUET_ROWS_MAX
    return hasRows || draft.bytes + bytes > bytesMax || this.dueMs === 0
  }

  async #begin(first: number): Promise<Draft> {
    const { dir, format, gzip } = this.#options
    const name = draftName(format, randomBytes(MARK_BYTES).toString('hex'))
    return await Draft.begin({ dir, name, gzip, first })
  }

  async #written(write: () => Promise<void>): Promise<void> {
    try {
      await write()
    } catch (cause) {
      const stays = 'what is finished stays, start again to go on'
      throw badFile(this.#options.dir, `can't be written: ${messageOf(cause)}; ${stays}`, cause)
    }
  }
}
