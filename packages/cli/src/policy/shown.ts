import { printable } from '../terminal.ts'

/** What is told about every bundle. */
export interface BundleFacts {
  readonly file: string
  /** In bytes. */
  readonly size: number
  readonly digest: string
  readonly revision: string
  readonly serial: number
  readonly entrypoints: readonly string[]
  readonly roots: readonly string[]
  readonly signedBy?: string | undefined
}

/** One row for each fact, and for each of `more`. */
export function shownRows(
  facts: BundleFacts,
  more: Readonly<Record<string, string>> = {},
): string[] {
  const rows = {
    bundle: `${facts.file}, ${facts.size.toLocaleString('en')} bytes`,
    digest: facts.digest,
    revision: facts.revision,
    serial: String(facts.serial),
    entrypoints: facts.entrypoints.join(', '),
    roots: facts.roots.map((root) => root || 'all data').join(', '),
    'signed by': facts.signedBy ?? 'nobody',
    ...more,
  }
  const width = Math.max(...Object.keys(rows).map(({ length }) => length))
  return Object.entries(rows).map(([name, text]) => `${name.padEnd(width)}  ${printable(text)}`)
}
