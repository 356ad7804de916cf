import { readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import type { LineFormat } from '@verdict/export'

export type ExportFormat = LineFormat | 'parquet'

const EXTENSIONS: Readonly<Record<ExportFormat, string>> = {
  json: 'jsonl',
  ocsf: 'ocsf.jsonl',
  ecs: 'ecs.jsonl',
  cef: 'cef',
  cloudevents: 'cloudevents.jsonl',
  parquet: 'parquet',
}

export const EXPORT_FORMATS: readonly string[] = Object.keys(EXTENSIONS)

export function isExportFormat(name: string): name is ExportFormat {
  return Object.hasOwn(EXTENSIONS, name)
}

export interface ExportKind {
  readonly format: ExportFormat
  readonly gzip: boolean
}

/** The name of a file that is whole: it has all decisions that were wanted between its indices. */
export function finishedName(
  { first, last }: { first: number; last: number },
  { format, gzip }: ExportKind,
): string {
  return `decisions-${first}-${last}.${EXTENSIONS[format]}${gzip ? '.gz' : ''}`
}

/** The name of a file that is being written; nobody else has it. */
export function draftName(format: ExportFormat, mark: string): string {
  return `.decisions-${mark}.${EXTENSIONS[format]}.part`
}

/**
 * Up to which index of the log the files of a folder have it: 0 where there is none of this format.
 * What an export has left that did not end is removed.
 */
export async function resumeIn(dir: string, format: ExportFormat): Promise<number> {
  const extension = EXTENSIONS[format].replaceAll('.', '\\.')
  const finished = new RegExp(`^decisions-\\d{1,16}-(\\d{1,16})\\.${extension}(?:\\.gz)?$`)
  const draft = new RegExp(`^\\.decisions-\\w+\\.${extension}\\.part$`)
  let last = 0
  for (const name of await readdir(dir)) {
    if (draft.test(name)) await rm(path.join(dir, name), { force: true })
    last = Math.max(last, Number(finished.exec(name)?.[1] ?? 0))
  }
  return last
}
