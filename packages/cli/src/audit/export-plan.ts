import { parseBytes, parseDuration } from '@verdict/service'
import { usage } from '../arguments.ts'
import type { DecisionFilesOptions } from './export-files.ts'
import { EXPORT_FORMATS, type ExportFormat, isExportFormat } from './export-name.ts'
import { type FilterValues, searchParameters } from './query-filter.ts'

/** A table is in memory until its file is finished, at several times this. */
const BYTES_DEFAULT = 64 * 1024 ** 2
const BYTES_MAX = 1024 ** 3
const AGE_MS_DEFAULT = 3_600_000
const AGE_MS_MIN = 1_000
const AGE_MS_MAX = 7 * 86_400_000

/** What is exported, and to where. */
export interface ExportPlan {
  readonly format: ExportFormat
  /** Undefined: to standard output. */
  readonly files: Omit<DecisionFilesOptions, 'onFinished'> | undefined
  readonly parameters: URLSearchParams
  /** It begins behind this index. */
  readonly after: number
  readonly follow: boolean
}

export interface ExportValues extends Omit<FilterValues, 'from' | 'to' | 'path'> {
  readonly format: string
  readonly out: string | undefined
  readonly since: number | undefined
  readonly follow: boolean
  readonly 'max-bytes': string | undefined
  readonly 'max-age': string | undefined
  readonly gzip: boolean
}

/** @throws {CliError} `usage` */
export function exportPlan(values: ExportValues): ExportPlan {
  const { follow, format, since = 1 } = values
  if (!isExportFormat(format)) {
    throw wrong(`\`--format ${format}\`: expected one of ${EXPORT_FORMATS.join(', ')}`)
  }
  if (format === 'parquet' && values.gzip) throw wrong('a Parquet file is compressed by itself')
  if (format === 'parquet' && values.out === undefined) throw wrong('a Parquet file needs `--out`')
  const ofFiles = [values['max-bytes'], values['max-age'], values.gzip || undefined]
  if (values.out === undefined && ofFiles.some((value) => value !== undefined)) {
    throw wrong('`--max-bytes`, `--max-age` and `--gzip` need `--out`')
  }
  const filter = { ...values, from: undefined, to: undefined, path: undefined }
  const parameters = searchParameters(filter, Date.now())
  return { format, files: filesOf(values, format), parameters, after: since - 1, follow }
}

function filesOf(values: ExportValues, format: ExportFormat): ExportPlan['files'] {
  const { gzip, out } = values
  if (out === undefined) return undefined
  const age = values['max-age']
  const ageMs = age === undefined ? AGE_MS_DEFAULT : parseDuration(age)
  if (ageMs === undefined || ageMs < AGE_MS_MIN || ageMs > AGE_MS_MAX) {
    throw wrong(`\`--max-age ${age}\`: expected a time from 1s to 7d, such as 10m`)
  }
  const bytes = values['max-bytes']
  const bytesMax = bytes === undefined ? BYTES_DEFAULT : parseBytes(bytes)
  if (bytesMax === undefined || bytesMax < 1 || bytesMax > BYTES_MAX) {
    throw wrong(`\`--max-bytes ${bytes}\`: expected a size up to 1GiB, such as 64MiB`)
  }
  return { dir: out, format, gzip, bytesMax, ageMs }
}

function wrong(why: string): Error {
  return usage('audit export', why)
}
