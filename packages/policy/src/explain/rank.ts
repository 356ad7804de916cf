import { pathText } from './origin.ts'
import type { Want } from './wants.ts'

/** What a caller cannot change sensibly comes last. */
const RANKS: readonly (readonly [prefix: string, rank: number])[] = [
  ['input.version', 9],
  ['input.ambiguities', 9],
  ['input.truncated_body', 9],
  ['input.attributes.request.time', 9],
  ['input.attributes.source', 6],
  ['input.attributes.destination', 5],
  ['input.attributes.metadataContext', 6],
  ['input.attributes.contextExtensions', 5],
  ['input.route', 6],
  ['input.identity.claims', 0],
  ['input.identity', 1],
  ['input.parsed_', 2],
]
const RANK_OF_OTHERS = 3
const RANKS_OF_KINDS: Readonly<Record<Want['kind'], number>> = {
  contain: 0,
  be: 1,
  exist: 2,
  differ: 3,
  lack: 3,
}

/** The most sensible change first. */
export function byRank(wants: Iterable<Want>): Want[] {
  return [...wants]
    .map((want) => ({ want, rank: rankOf(want) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ want }) => want)
}

/** The place of a change, as people name it. */
export function placeOf({ path }: Want): string {
  return pathText({ document: 'input', path })
}

function rankOf({ path, kind }: Want): number {
  const place = placeOf({ path, kind })
  const [, rank = RANK_OF_OTHERS] = RANKS.find(([prefix]) => place.startsWith(prefix)) ?? []
  // What says what there should be comes before what says what there should not be.
  const isVague = kind === 'lack' ? 2 : kind === 'differ' ? 1 : 0
  return isVague * 100 + rank * 4 + RANKS_OF_KINDS[kind]
}
