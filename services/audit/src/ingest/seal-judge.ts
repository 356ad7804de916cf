import {
  isEndorsed,
  isSealedBy,
  type JournalKey,
  type JournalLine,
  type Seal,
  subjects,
} from '@verdict/contract'
import type { JournalKeys, KnownKey } from '../chain/journal-keys.ts'
import type { PinnedKeys } from './pinned-keys.ts'

/** A key has come a longer way than any that rotates: nobody follows it. */
const ENDORSEMENTS_MAX = 10_000

/**
 * Says which keys hold, and which seals. The first key of an instance is trusted, where none is
 * pinned; each further one has to be endorsed by the one before. A key seals nothing from the first
 * record of the next one on; older records it may seal, for they are sent again under the key of
 * the day. Each answer is undefined where all is well, and else says what is not.
 */
export class SealJudge {
  readonly #keys: JournalKeys
  readonly #pinned: PinnedKeys | undefined

  constructor(keys: JournalKeys, pinned: PinnedKeys | undefined) {
    this.#keys = keys
    this.#pinned = pinned
  }

  /** What speaks against a key that is not on the record. */
  keyProblem(journalKey: JournalKey, subject: string): string | undefined {
    const { instance, key, previous, from } = journalKey
    if (subjects.journal(instance) !== subject) return `it came under \`${subject}\``
    if (!isEndorsed(journalKey)) return 'its signature is wrong'
    const before = previous === undefined ? undefined : this.#keys.find(journalKey, previous)
    if (before !== undefined) {
      if (before.to !== undefined) return 'the key before it has endorsed another one'
      return from > before.from ? undefined : 'it would seal what the key before it has sealed'
    }
    // The journal was lost, and its key was not.
    if (this.#keys.isTrusted(instance, key)) return undefined
    if (this.#pinned?.get(instance)?.includes(key)) return undefined
    if (this.#pinned !== undefined) return 'it is not the pinned one, and no key endorses it'
    return this.#keys.has(instance) ? 'no known key of the instance endorses it' : undefined
  }

  /** What speaks against the seal of a message with these lines. */
  sealProblem(
    seal: Seal,
    lines: readonly JournalLine[],
    message: { readonly subject: string },
  ): string | undefined {
    const { instance, n } = seal
    if (subjects.journal(instance) !== message.subject) {
      return `it is of \`${instance}\`, and came under \`${message.subject}\``
    }
    if (!isLastOf(lines, seal)) {
      return 'it is for other records than those of its message'
    }
    const known = this.#keys.of(seal)
    if (known === undefined) return `nobody vouches for its key \`${seal.key}\``
    if (known.to !== undefined && n > known.to) return `its key was retired behind ${known.to}`
    if (!this.#followsPin(seal, known)) return 'its key follows from no pinned one'
    return isSealedBy(seal, known.key) ? undefined : 'its signature is wrong'
  }

  /** A log may have trusted a key before one was pinned. */
  #followsPin(seal: Seal, known: KnownKey): boolean {
    if (this.#pinned === undefined) return true
    const pinned = this.#pinned.get(seal.instance) ?? []
    let at: KnownKey | undefined = known
    for (let step = 0; at !== undefined && step < ENDORSEMENTS_MAX; step += 1) {
      if (pinned.includes(at.key)) return true
      at = at.previous === undefined ? undefined : this.#keys.find(seal, at.previous)
    }
    return false
  }
}

/**
 * Whether the sealed line is the last of these. Between it and another one there is the chain,
 * which is verified, or an open gap, which is a finding and is verified as soon as it is closed.
 */
function isLastOf(lines: readonly JournalLine[], seal: Seal): boolean {
  const { instance, epoch, n } = seal
  return (
    lines.some((line) => line.record.n === n && line.hash === seal.hash) &&
    lines.every(({ record }) => {
      return record.instance === instance && record.epoch === epoch && record.n <= n
    })
  )
}
