import { readFileSync } from 'node:fs'
import { messageOf } from '@verdict/contract'
import { ConfigError } from '@verdict/service'
import {
  ADD_CHECKPOINT_PATH,
  equalBytes,
  type NoteVerifier,
  parseTrustPolicy,
  type TrustPolicy,
} from '@verdict/tlog'
import { AuditError, AuditErrorCode } from '../errors.ts'

/** A policy with more keys of witnesses is refused: a note has room for the signatures of all. */
export const WITNESS_KEYS_MAX = 32

/** Who is asked to cosign, and whose cosignatures are enough. */
export interface WitnessPolicy {
  readonly trust: TrustPolicy
  /** One for each address; one witness may have several keys. */
  readonly places: readonly WitnessPlace[]
}

export interface WitnessPlace {
  /** What the policy calls it; the first, where several keys have one address. */
  readonly name: string
  /** Ends with a slash. */
  readonly url: URL
}

/** @throws {ConfigError} where the file can't be read, or is no policy with which to ask anybody */
export function readWitnessPolicy(file: string): WitnessPolicy {
  try {
    return parseWitnessPolicy(readFileSync(file, 'utf8'))
  } catch (error) {
    const env = 'VERDICT_AUDIT_WITNESS_POLICY'
    throw new ConfigError([{ env, message: `${env} can't be \`${file}\`: ${messageOf(error)}` }])
  }
}

/** @throws {TlogError | AuditError} */
export function parseWitnessPolicy(text: string): WitnessPolicy {
  const trust = parseTrustPolicy(text)
  if (trust.witnesses.length > WITNESS_KEYS_MAX) {
    throw wrong(`it has more than ${WITNESS_KEYS_MAX} witnesses`)
  }
  const places = new Map<string, WitnessPlace>()
  for (const { name, url } of trust.witnesses) {
    if (url === undefined) continue
    const place = { name, url: placeOf(name, url) }
    if (!places.has(place.url.href)) places.set(place.url.href, place)
  }
  if (places.size === 0) throw wrong('no witness of it has a URL, behind its key')
  return { trust, places: [...places.values()] }
}

/**
 * The policy as it applies to one log. A policy may name the keys of the logs that it is for; a
 * shard has the key of its log under a name of its own.
 * @throws {AuditError} `witness_policy_wrong`
 */
export function trustIn(own: NoteVerifier, { trust }: WitnessPolicy): TrustPolicy {
  const isFor = ({ publicKey }: NoteVerifier): boolean => equalBytes(publicKey, own.publicKey)
  if (trust.logs.length > 0 && !trust.logs.some(({ verifier }) => isFor(verifier))) {
    throw wrong(`none of its logs has the key of \`${own.name}\``)
  }
  return { ...trust, logs: [{ verifier: own }] }
}

/** Where a witness takes checkpoints. */
export function addCheckpointUrl({ url }: WitnessPlace): URL {
  return new URL(ADD_CHECKPOINT_PATH, url)
}

function placeOf(name: string, text: string): URL {
  const url = URL.parse(text.endsWith('/') ? text : `${text}/`)
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  throw wrong(`\`${text}\` of \`${name}\` is no URL of HTTP`)
}

function wrong(what: string): AuditError {
  return new AuditError(AuditErrorCode.witnessPolicyWrong, `the policy of witnesses: ${what}`)
}
