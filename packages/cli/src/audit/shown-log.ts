import type {
  Completeness,
  JournalCheck,
  JournalCompleteness,
  RecordCheck,
} from '@verdict/contract'
import { printable } from '../terminal.ts'
import type { KeptCheckpoint } from './kept-checkpoint.ts'
import type { VerifiedShard } from './verified-shard.ts'
import type { VerifiedLog } from './verify-log.ts'

/** Journals that are listed for people; as JSON there are all of them. */
const JOURNALS_LISTED_MAX = 20
const GAPS_LISTED_MAX = 5

/** What was verified, as JSON. */
export function logJson(
  { shards, check, completeness }: VerifiedLog,
  kept: KeptCheckpoint | undefined,
): object {
  return {
    verified: true,
    shards: shards.map((shard) => ({
      origin: shard.origin,
      size: shard.head.size,
      root: Buffer.from(shard.head.root).toString('base64'),
      state: shard.source.isPruned ? 'pruned' : 'verified',
      witnesses: shard.witnesses.map(({ name, seconds }) => ({ name, time: timeOf(seconds) })),
    })),
    ...check.counts,
    journals: check.journals().map((journal) => ({
      instance: journal.instance,
      epoch: journal.epoch,
      last: journal.spans.last,
      records: journal.records,
      sealed: journal.sealed,
      dropped: journal.dropped,
      missing: journal.gaps.map(({ from, to }) => ({ from, to })),
      removed: journal.removed,
    })),
    unendorsedKeys: instancesOf(check).flatMap((instance) =>
      (check.keysOf(instance)?.unendorsed ?? []).map((key) => ({ instance, key })),
    ),
    ...(kept && { holds: { origin: kept.origin, size: kept.size } }),
    ...(completeness && { completeness: completenessJson(completeness) }),
  }
}

/** What was verified, in lines for people. */
export function logRows(
  { shards, check, completeness }: VerifiedLog,
  kept: KeptCheckpoint | undefined,
): string[] {
  const { counts } = check
  const findings = Object.entries(counts.findings).map(([kind, count]) => `${count} ${kind}`)
  const journals = check.journals()
  const more = journals.length - JOURNALS_LISTED_MAX
  return [
    ...shards.flatMap(shardRows),
    `holds ${number(counts.decisions)} decisions, ${number(counts.events)} events of decision ` +
      `points, ${number(counts.seals)} seals; findings: ${findings.join(', ') || 'none'}`,
    ...(counts.unknown > 0 ? [`${number(counts.unknown)} leaves of kinds not known here`] : []),
    ...journals.slice(0, JOURNALS_LISTED_MAX).map(journalRow),
    ...(more > 0 ? [`and ${number(more)} journals more (\`--json\` has all)`] : []),
    ...unendorsedRows(check),
    ...(kept ? [`holds all of the kept checkpoint: ${kept.size} leaves of ${kept.origin}`] : []),
    ...(completeness ? completenessRows(completeness) : []),
  ].map(printable)
}

/** Keys that only whoever runs the log vouches for. */
function unendorsedRows(check: RecordCheck): string[] {
  return instancesOf(check).flatMap((instance) => {
    const keys = check.keysOf(instance)?.unendorsed ?? []
    return keys.map(
      (key) =>
        `${instance}: no key of it endorses ${key}, which the log has believed: ` +
        'compare it with those that you know',
    )
  })
}

function instancesOf(check: RecordCheck): string[] {
  return [...new Set(check.journals().map(({ instance }) => instance))]
}

function shardRows({ head, origin, source, witnesses }: VerifiedShard): string[] {
  const by = witnesses.map(({ name, seconds }) => `${name} at ${timeOf(seconds)}`).join(', ')
  const state = source.isPruned ? 'hashes verified, entries removed' : 'verified'
  const root = Buffer.from(head.root).toString('base64')
  const trust = by === '' ? 'signed by the log alone' : `witnessed by ${by}`
  return [`${origin}: ${number(head.size)} leaves ${state}, root ${root}, ${trust}`]
}

function journalRow(journal: JournalCheck): string {
  const { dropped, epoch, gaps, instance, records, removed, sealed, spans } = journal
  const parts = [`places 1 to ${number(spans.last)}`]
  if (gaps.length > 0) parts.push(`missing ${rangesText(gaps)}, as the log says`)
  if (removed.length > 0) parts.push(`${rangesText(removed)} were removed`)
  if (dropped > 0) parts.push(`${number(dropped)} decisions without a record, as it says`)
  parts.push(sealed === records ? 'all sealed' : `${number(sealed)} of ${number(records)} sealed`)
  return `${instance}, journal ${epoch}: ${parts.join('; ')}`
}

function completenessRows({ complete, fromMs, instance, journals, toMs }: Completeness): string[] {
  const range = `of ${instance} between ${iso(fromMs)} and ${iso(toMs)}`
  if (journals.length === 0) return [`nothing can be said ${range}: the log knows no such instance`]
  const places = journals
    .filter((journal) => journal.places !== undefined)
    .map(({ epoch, places: at }) => `${at?.from} to ${at?.to} of journal ${epoch}`)
    .join(', ')
  const there = places === '' ? 'it has recorded nothing' : `places ${places} are all there`
  const first = complete
    ? `nothing ${range} is missing: ${there}`
    : places === ''
      ? `the log has no record ${range}`
      : `not everything ${range} is there: it has places ${places}`
  return [first, ...journals.flatMap((journal) => limitsOf(journal, toMs))]
}

/** What is missing, and what can't be said. */
function limitsOf(journal: JournalCompleteness, toMs: number): string[] {
  const { endKnown, epoch, lastMs, leftOut, lost, missing, startKnown } = journal
  const of = `  journal ${epoch}`
  const rows: string[] = []
  if (missing.length > 0) rows.push(`${of}: ${rangesText(missing)} are missing`)
  if (lost > 0) rows.push(`${of}: ${lost} decisions were answered without a record, as it says`)
  if (leftOut > 0) rows.push(`${of}: a policy has left out the records of ${leftOut} decisions`)
  if (!startKnown) rows.push(`${of}: what is before the removed entries can't be looked at`)
  if (!endKnown && lastMs !== undefined) {
    const after =
      lastMs < toMs ? `after its last record at ${iso(lastMs)}` : 'behind its last record'
    rows.push(
      `${of}: what it may have decided ${after}, and not yet brought into the log, can't be said`,
    )
  }
  return rows
}

function completenessJson(answer: Completeness): object {
  const { fromMs, journals, toMs, ...rest } = answer
  return {
    ...rest,
    from: iso(fromMs),
    to: iso(toMs),
    journals: journals.map(({ lastMs, ...journal }) => ({
      ...journal,
      ...(lastMs !== undefined && { last: iso(lastMs) }),
    })),
  }
}

function rangesText(ranges: readonly { readonly from: number; readonly to: number }[]): string {
  const listed = ranges.slice(0, GAPS_LISTED_MAX).map(({ from, to }) => `${from} to ${to}`)
  const more = ranges.length - listed.length
  return `places ${listed.join(', ')}${more > 0 ? ` and ${more} runs more` : ''}`
}

function number(value: number): string {
  return value.toLocaleString('en')
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

function timeOf(seconds: number): string {
  return iso(seconds * 1000)
}
