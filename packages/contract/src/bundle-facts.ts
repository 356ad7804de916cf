import type { Heartbeat } from './heartbeat.ts'

/**
 * What an instance of authz runs under one bundle name, as its heartbeats tell it by two facts:
 *
 *     bundle.<name>          <revision> <serial> <digest> <since>   or '' while none is active
 *     bundle.<name>.refused  <code>: <message>                      only while the last one offered
 *                                                                   is refused
 *
 * The name is encoded as a key of the pointers (`policyKey`), the revision by
 * `encodeURIComponent`. An instance tells the first fact of every bundle that it follows, so that
 * one without such facts follows a folder.
 */
export interface BundleFact {
  /** What is active; absent while nothing is. */
  readonly active?: {
    readonly revision: string
    readonly serial: number
    /** SHA-256 of the archive, in hexadecimal. */
    readonly digest: string
    /** RFC 3339. */
    readonly since: string
  }
  /** Why the last one that was offered is not. */
  readonly refused?: string
}

const PREFIX = 'bundle.'
const REFUSED = '.refused'
/** A refusal's text is cut here, so that heartbeats stay small. */
export const REFUSED_CHARS_MAX = 300

/** The facts of one bundle, for a heartbeat. The key is that of `policyKey([name])`. */
export function bundleFacts(key: string, { active, refused }: BundleFact): Record<string, string> {
  const { revision, serial, digest, since } = active ?? {}
  const told = active ? `${encodeURIComponent(String(revision))} ${serial} ${digest} ${since}` : ''
  return {
    [`${PREFIX}${key}`]: told,
    ...(refused === undefined
      ? {}
      : { [`${PREFIX}${key}${REFUSED}`]: refused.slice(0, REFUSED_CHARS_MAX) }),
  }
}

/** What an instance told of its bundles, by key. Facts that are malformed count as nothing active. */
export function bundlesOf({ facts }: Pick<Heartbeat, 'facts'>): Map<string, BundleFact> {
  const bundles = new Map<string, BundleFact>()
  for (const [name, value] of Object.entries(facts)) {
    const key = name.slice(PREFIX.length)
    if (!name.startsWith(PREFIX) || key.includes('.')) continue
    const refused = facts[`${name}${REFUSED}`]
    bundles.set(key, {
      ...readActive(String(value)),
      ...(refused === undefined ? {} : { refused: String(refused) }),
    })
  }
  return bundles
}

function readActive(told: string): Pick<BundleFact, 'active'> {
  const [, revision, serial, digest, since] =
    /^(\S*) (\d{1,16}) ([0-9a-f]{64}) (\S+)$/.exec(told) ?? []
  if (revision === undefined || digest === undefined || since === undefined) return {}
  try {
    return {
      active: { revision: decodeURIComponent(revision), serial: Number(serial), digest, since },
    }
  } catch {
    // Another encoding than ours: it is not known what is active.
    return {}
  }
}
