import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { messageOf } from '@verdict/contract'

/** Where an issuer's JWK Set is. */
export type KeysPlace =
  /** Absolute; in the file it may be relative to the folder of the issuers file. */
  { readonly file: string } | { readonly url: URL }

/** An issuer whose tokens are accepted. */
export interface Issuer {
  /** Exactly the `iss` of its tokens. */
  readonly issuer: string
  /** A token must be for one of these. */
  readonly audiences: readonly string[]
  readonly keys: KeysPlace
  /** Signature algorithms that are accepted; never a symmetric one. */
  readonly algorithms: readonly string[]
}

/** Issuers beyond this many are a problem of the file. */
export const ISSUERS_MAX = 64
const AUDIENCES_MAX = 64
const TEXT_CHARS_MAX = 2048

/**
 * Signatures that need a private key to make. A symmetric algorithm is never accepted: the keys
 * here are public, so everybody could sign with them.
 */
export const ALGORITHMS = [
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
] as const

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

type Json = Readonly<Record<string, unknown>>
type Report = (where: string, problem: string) => void

/** What an issuers file says, or everything that is wrong with it. */
export type IssuersFile =
  | { readonly issuers: readonly Issuer[] }
  | { readonly problems: readonly string[] }

/**
 * Reads an issuers file:
 *
 *     {"issuers": [{
 *       "issuer": "https://id.example.com", "audiences": ["shop"],
 *       "jwks": {"url": "https://id.example.com/keys"} or {"file": "keys.json"},
 *       "algorithms": ["ES256"]
 *     }]}
 *
 * `algorithms` may be left out. A JWKS URL is https, or http on the loopback; where the network
 * itself protects the way, `"insecure": true` beside the `url` permits http.
 */
export async function readIssuersFile(file: string): Promise<IssuersFile> {
  let content: unknown
  try {
    content = JSON.parse(await readFile(file, 'utf8'))
  } catch (thrown) {
    return { problems: [`it can't be read as JSON: ${messageOf(thrown)}`] }
  }
  return parseIssuers(content, path.dirname(file))
}

export function parseIssuers(content: unknown, folder: string): IssuersFile {
  const problems: string[] = []
  const report: Report = (where, problem) => problems.push(`\`${where}\` ${problem}`)
  const list = isJson(content) ? content['issuers'] : undefined
  if (!isJson(content) || !Array.isArray(list)) {
    return { problems: ['expected an object with a list `issuers`'] }
  }
  onlyKnown(content, ['issuers'], '', report)
  if (list.length > ISSUERS_MAX) report('issuers', `has more than ${ISSUERS_MAX} entries`)
  const issuers = list
    .slice(0, ISSUERS_MAX)
    .map((entry: unknown, i) => parseIssuer(entry, `issuers[${i}]`, folder, report))
    .filter((issuer) => issuer !== undefined)
  const seen = new Set<string>()
  for (const { issuer } of issuers) {
    if (seen.has(issuer)) report('issuers', `names \`${issuer}\` twice`)
    seen.add(issuer)
  }
  return problems.length > 0 ? { problems } : { issuers }
}

function parseIssuer(
  entry: unknown,
  where: string,
  folder: string,
  report: Report,
): Issuer | undefined {
  if (!isJson(entry)) {
    report(where, 'is no object')
    return undefined
  }
  onlyKnown(entry, ['issuer', 'audiences', 'jwks', 'algorithms'], `${where}.`, report)
  const issuer = isText(entry['issuer']) ? entry['issuer'] : undefined
  if (issuer === undefined) report(`${where}.issuer`, 'must be the exact `iss` of its tokens')
  const audiences = texts(entry['audiences'], AUDIENCES_MAX)
  if (audiences === undefined) report(`${where}.audiences`, 'must be a list of at least one text')
  const keys = parsePlace(entry['jwks'], `${where}.jwks`, folder, report)
  const algorithms = parseAlgorithms(entry['algorithms'], `${where}.algorithms`, report)
  return issuer !== undefined && audiences !== undefined && keys !== undefined
    ? { issuer, audiences, keys, algorithms }
    : undefined
}

function parsePlace(
  jwks: unknown,
  where: string,
  folder: string,
  report: Report,
): KeysPlace | undefined {
  const { file, url, insecure } = isJson(jwks) ? jwks : {}
  if (!isJson(jwks) || isText(file) === isText(url)) {
    report(where, 'must have either a `file` or a `url`')
    return undefined
  }
  onlyKnown(jwks, isText(file) ? ['file'] : ['url', 'insecure'], `${where}.`, report)
  if (isText(file)) return { file: path.resolve(folder, file) }
  const parsed = URL.parse(String(url))
  const plain = insecure === true || LOOPBACK.has(parsed?.hostname ?? '')
  if (parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && plain)) {
    return { url: parsed }
  }
  report(`${where}.url`, 'must be an https URL, or http on the loopback or with `"insecure": true`')
  return undefined
}

function parseAlgorithms(value: unknown, where: string, report: Report): readonly string[] {
  if (value === undefined) return ALGORITHMS
  const chosen = texts(value, ALGORITHMS.length) ?? []
  const known: readonly string[] = ALGORITHMS
  if (chosen.length === 0 || chosen.some((algorithm) => !known.includes(algorithm))) {
    report(where, `must be a list of asymmetric algorithms, out of ${ALGORITHMS.join(', ')}`)
  }
  return chosen
}

function onlyKnown(entry: Json, known: readonly string[], prefix: string, report: Report): void {
  for (const name of Object.keys(entry)) {
    if (!known.includes(name))
      report(`${prefix}${name}`, `is unknown, ${known.join(', ')} are known`)
  }
}

function texts(value: unknown, countMax: number): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > countMax) return undefined
  return value.every(isText) ? value : undefined
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= TEXT_CHARS_MAX
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
