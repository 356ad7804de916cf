import { TlogError, TlogErrorCode } from './errors.ts'
import { equalBytes } from './hash.ts'
import { KeyAlgorithm } from './key-material.ts'
import { asCosigner, type NoteVerifier, parseVerifierKey } from './note-key.ts'

/** Whom to believe: c2sp.org/tlog-policy. */
export interface TrustPolicy {
  readonly logs: readonly TrustedLog[]
  readonly witnesses: readonly TrustedWitness[]
  readonly quorum: Quorum
}

export interface TrustedLog {
  readonly verifier: NoteVerifier
  readonly url?: string
}

export interface TrustedWitness {
  /** Of meaning in the policy alone; the name of the key may be another. */
  readonly name: string
  readonly verifier: NoteVerifier
  readonly url?: string
}

/** Reached by a witness that signed, or by enough of the members; a group of none always is. */
export type Quorum =
  | { readonly witness: string }
  | { readonly threshold: number; readonly members: readonly Quorum[] }

/** A longer policy is refused: each of its lines costs time wherever it is used. */
export const POLICY_CHARACTERS_MAX = 1024 * 1024
/** A policy with more logs, more witnesses or more groups is refused. */
export const POLICY_ITEMS_MAX = 256

const NO_QUORUM: Quorum = { threshold: 0, members: [] }
const RESERVED_NAMES = ['none', 'any', 'all']
const THRESHOLD = /^[1-9]\d{0,3}$/
// Tab and line end are the control characters of a policy.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the point.
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/

/**
 * Reads a policy. Groups and the quorum may name only what stands above them.
 * @throws {TlogError} `trust_policy_malformed`, which names the line
 */
export function parseTrustPolicy(text: string): TrustPolicy {
  const reader = new PolicyReader()
  if (text.length > POLICY_CHARACTERS_MAX) throw malformed('it is too long')
  if (!text.isWellFormed()) throw malformed('it is not UTF-8')
  for (const [index, line] of text.split('\n').entries()) {
    try {
      reader.readLine(line)
    } catch (error) {
      if (!(error instanceof TlogError)) throw error
      throw malformed(`line ${index + 1}: ${error.message}`, error)
    }
  }
  return reader.policy()
}

/** Whether the witnesses of these names are enough. */
export function isQuorum(quorum: Quorum, signed: ReadonlySet<string>): boolean {
  if ('witness' in quorum) return signed.has(quorum.witness)
  const reached = quorum.members.filter((member) => isQuorum(member, signed)).length
  return reached >= quorum.threshold
}

class PolicyReader {
  readonly #logs: TrustedLog[] = []
  readonly #witnesses: TrustedWitness[] = []
  readonly #names = new Map<string, Quorum>()
  readonly #members = new Set<string>()
  #groups = 0
  #quorum: Quorum | undefined

  readLine(line: string): void {
    if (CONTROL.test(line)) throw malformed('it holds control characters')
    const items = line.split(/[ \t]+/).filter((item) => item !== '')
    const [keyword = '#', ...rest] = items
    if (keyword.startsWith('#')) return
    if (keyword === 'log') this.#log(rest)
    else if (keyword === 'witness') this.#witness(rest)
    else if (keyword === 'group') this.#group(rest)
    else if (keyword === 'quorum') this.#setQuorum(rest)
    else throw malformed(`\`${keyword}\` is none of log, witness, group and quorum`)
  }

  policy(): TrustPolicy {
    if (this.#quorum === undefined) throw malformed('it has no quorum')
    return { logs: this.#logs, witnesses: this.#witnesses, quorum: this.#quorum }
  }

  #log([vkey, url, ...more]: readonly string[]): void {
    if (vkey === undefined || more.length > 0) throw malformed('expected `log <key> [<url>]`')
    const verifier = parseVerifierKey(vkey)
    if (verifier.algorithm === KeyAlgorithm.ed25519Cosignature) {
      throw malformed('the key is one of a witness')
    }
    this.#checkNew(verifier, this.#logs)
    this.#logs.push({ verifier, ...(url !== undefined && { url }) })
  }

  #witness([name, vkey, url, ...more]: readonly string[]): void {
    if (name === undefined || vkey === undefined || more.length > 0) {
      throw malformed('expected `witness <name> <key> [<url>]`')
    }
    const verifier = asCosigner(parseVerifierKey(vkey))
    this.#checkNew(verifier, this.#witnesses)
    this.#define(name, { witness: name })
    this.#witnesses.push({ name, verifier, ...(url !== undefined && { url }) })
  }

  #group([name, wanted, ...names]: readonly string[]): void {
    if (name === undefined || wanted === undefined || names.length === 0) {
      throw malformed('expected `group <name> <all, any or a number> <member>…`')
    }
    const members = names.map((member) => {
      if (this.#members.has(member)) throw malformed(`\`${member}\` is a member already`)
      this.#members.add(member)
      return this.#named(member)
    })
    this.#groups += 1
    if (this.#groups > POLICY_ITEMS_MAX) throw malformed('there are too many groups')
    this.#define(name, { threshold: thresholdOf(wanted, members.length), members })
  }

  #setQuorum([name, ...more]: readonly string[]): void {
    if (name === undefined || more.length > 0) throw malformed('expected `quorum <name>`')
    if (this.#quorum !== undefined) throw malformed('there is a quorum already')
    this.#quorum = name === 'none' ? NO_QUORUM : this.#named(name)
  }

  #named(name: string): Quorum {
    const quorum = this.#names.get(name)
    if (quorum === undefined) throw malformed(`nothing above is called \`${name}\``)
    return quorum
  }

  #define(name: string, quorum: Quorum): void {
    if (RESERVED_NAMES.includes(name)) throw malformed(`\`${name}\` cannot be a name`)
    if (this.#names.has(name)) throw malformed(`\`${name}\` is defined already`)
    this.#names.set(name, quorum)
  }

  #checkNew(verifier: NoteVerifier, alike: readonly { verifier: NoteVerifier }[]): void {
    if (alike.length >= POLICY_ITEMS_MAX) throw malformed('there are too many of them')
    if (alike.some((other) => equalBytes(other.verifier.publicKey, verifier.publicKey))) {
      throw malformed('the key is in the policy already')
    }
    const named = [...this.#logs, ...this.#witnesses].map((other) => other.verifier)
    if (named.some(({ name, keyId }) => name === verifier.name && keyId === verifier.keyId)) {
      throw malformed('the key is one of a log and of a witness')
    }
  }
}

function thresholdOf(wanted: string, members: number): number {
  if (wanted === 'any') return 1
  if (wanted === 'all') return members
  const threshold = THRESHOLD.test(wanted) ? Number(wanted) : Number.NaN
  if (threshold >= 1 && threshold <= members) return threshold
  throw malformed(`\`${wanted}\` is not \`all\`, \`any\` or a number up to ${members}`)
}

function malformed(what: string, cause?: unknown): TlogError {
  return new TlogError(TlogErrorCode.trustPolicyMalformed, what, { cause })
}
