import { hash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { type Contradiction, formatContradiction, parseCheckpoint, parseNote } from '@verdict/tlog'
import { makeFolder, writeWhole } from './durable-files.ts'
import { originHash } from './origin-hash.ts'
import { onDisk } from './state-failure.ts'

/** Of one log; further ones are counted, and not kept: one is enough. */
export const EVIDENCE_FILES_MAX = 16

const SUFFIX = '.json'
const NAME_DIGITS = 16

/** Proofs that logs contradicted themselves, in a file each: `evidence/<origin hash>/<name>.json`. */
export class EvidenceFiles {
  readonly #dir: string

  constructor(stateDir: string) {
    this.#dir = path.join(stateDir, 'evidence')
    onDisk(this.#dir, () => makeFolder(this.#dir))
  }

  /** How many there are, of all logs. */
  count(): number {
    const names = readdirSync(this.#dir, { recursive: true }).map(String)
    return names.filter((name) => name.endsWith(SUFFIX)).length
  }

  /** Keeps one, and tells where; `undefined` for one that is there already, or where there are enough. */
  keep(contradiction: Contradiction): string | undefined {
    const [older, newer] = [contradiction.older, contradiction.newer].map((note) =>
      parseCheckpoint(parseNote(note).text),
    )
    if (older === undefined || newer === undefined) return undefined
    const folder = path.join(this.#dir, originHash(older.origin))
    // By what is contradictory, so that the same two trees are kept once, whoever signed them.
    const trees = [older, newer].map(
      ({ size, root }) => `${size} ${Buffer.from(root).toString('hex')}`,
    )
    const name = `${newer.size}-${hash('sha256', trees.join('\n'), 'hex').slice(0, NAME_DIGITS)}${SUFFIX}`
    const file = path.join(folder, name)
    return onDisk(this.#dir, () => {
      makeFolder(folder)
      const kept = readdirSync(folder).filter((other) => other.endsWith(SUFFIX))
      if (kept.includes(name) || kept.length >= EVIDENCE_FILES_MAX) return undefined
      writeWhole(file, formatContradiction(contradiction))
      return file
    })
  }
}
