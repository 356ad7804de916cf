import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import {
  type Checkpoint,
  type NoteVerifier,
  openNote,
  parseCheckpoint,
  TlogError,
  type TreeHead,
} from '@verdict/tlog'
import { CliError, CliErrorCode } from '../errors.ts'
import { makeFolder, readIfThere, writeWhole } from './durable-files.ts'
import { originHash } from './origin-hash.ts'
import { onDisk } from './state-failure.ts'
import { damaged, StateRegister } from './state-register.ts'
import {
  ALGORITHM_NAMES,
  type KeyOptions,
  keyFile,
  openKeys,
  type WitnessKeys,
} from './witness-keys.ts'

export interface WitnessStateOptions extends KeyOptions {
  readonly acceptCopy: boolean
}

interface Cosigned {
  readonly checkpoint: Checkpoint
  /** The signed note, with the signatures of the log and of this witness. */
  readonly note: string
}

const SUFFIX = '.checkpoint'

/**
 * What a witness must not forget: its keys, and of each log the last checkpoint that it cosigned,
 * in a file each. That the files are its own and whole is shown by its cosignature in them, that
 * none is older than it was by the register beside them. Everything is written synchronously, so
 * that nothing comes between a judgement and what it leads to.
 */
export class WitnessState implements Disposable {
  readonly keys: WitnessKeys
  readonly #dir: string
  readonly #register: StateRegister
  readonly #latest = new Map<string, Cosigned>()

  /**
   * @throws {CliError} `witness_state_in_use`, `witness_state_damaged`, `witness_state_older`,
   *   `witness_state_copied`, `witness_state_failed`, `witness_name_differs`
   */
  constructor(dir: string, { acceptCopy, ...keyOptions }: WitnessStateOptions) {
    this.#dir = dir
    this.#register = onDisk(dir, () => {
      makeFolder(path.join(dir, 'logs'))
      return StateRegister.open(dir, { isEmpty: isEmpty(dir), acceptCopy })
    })
    try {
      this.keys = onDisk(dir, () => openKeys(dir, this.#register, keyOptions))
      onDisk(dir, () => this.#load())
    } catch (error) {
      this[Symbol.dispose]()
      throw error
    }
  }

  /** The last checkpoint of this log that was cosigned; undefined before the first. */
  latest(origin: string): Cosigned | undefined {
    return this.#latest.get(origin)
  }

  /** As `latest`, by the name that a log has in URLs. */
  latestByHash(hash: string): Cosigned | undefined {
    return [...this.#latest.values()].find(
      ({ checkpoint }) => originHash(checkpoint.origin) === hash,
    )
  }

  /** The last checkpoint of each log. */
  all(): readonly Cosigned[] {
    return [...this.#latest.values()]
  }

  /**
   * Puts a checkpoint in the place of one before it; on disk when it returns.
   * @throws {CliError} `witness_state_failed`: nothing may be cosigned any more
   */
  replace(from: Cosigned | undefined, to: Cosigned): void {
    const { origin } = to.checkpoint
    onDisk(this.#dir, () => {
      if (this.#latest.get(origin) !== from) throw new Error('it changed meanwhile')
      // The same tree once more is nothing that could be forgotten.
      if (from !== undefined && textOf(from) === textOf(to)) return
      writeWhole(this.#file(origin), to.note)
      if (this.#register.replace(origin, from?.checkpoint, to.checkpoint)) return
      throw new Error('its register changed meanwhile')
    })
    this.#latest.set(origin, to)
  }

  [Symbol.dispose](): void {
    this.#register[Symbol.dispose]()
  }

  #load(): void {
    const heads = this.#register.heads()
    const names = readdirSync(path.join(this.#dir, 'logs')).filter((name) => name.endsWith(SUFFIX))
    for (const name of names) {
      const file = path.join(this.#dir, 'logs', name)
      const cosigned = this.#read(file)
      const { origin } = cosigned.checkpoint
      if (file !== this.#file(origin)) throw damaged(this.#dir, `\`${file}\` is of another log`)
      this.#compare(file, heads.get(origin), cosigned.checkpoint)
      heads.delete(origin)
      this.#latest.set(origin, cosigned)
    }
    for (const origin of heads.keys()) {
      throw damaged(this.#dir, `\`${this.#file(origin)}\` is missing`)
    }
  }

  #read(file: string): Cosigned {
    const verifiers: NoteVerifier[] = this.keys.all.map(({ verifier }) => verifier)
    const note = readIfThere(file) ?? ''
    try {
      return { checkpoint: parseCheckpoint(openNote(note, verifiers).text), note }
    } catch (error) {
      if (!(error instanceof TlogError)) throw error
      throw damaged(this.#dir, `\`${file}\`: ${error.message}`, error)
    }
  }

  /** The file is written before the register, so it may be ahead after a crash, and never behind. */
  #compare(file: string, noted: TreeHead | undefined, found: TreeHead & { origin: string }): void {
    if (noted !== undefined && found.size < noted.size) {
      throw new CliError(
        CliErrorCode.witnessStateOlder,
        `\`${file}\` is of ${found.size} entries, and ${noted.size} were cosigned already: put ` +
          'back the newest file, else begin anew with an empty directory and give its new keys ' +
          'to the logs',
      )
    }
    const isNoted = noted?.size === found.size
    if (isNoted && Buffer.compare(noted.root, found.root) !== 0) {
      throw damaged(this.#dir, `\`${file}\` has another root than the tree that was cosigned`)
    }
    if (!isNoted) this.#register.replace(found.origin, noted, found)
  }

  #file(origin: string): string {
    return path.join(this.#dir, 'logs', `${originHash(origin)}${SUFFIX}`)
  }
}

function isEmpty(dir: string): boolean {
  const hasKey = ALGORITHM_NAMES.some((algorithm) => existsSync(keyFile(dir, algorithm)))
  return !hasKey && readdirSync(path.join(dir, 'logs')).length === 0
}

function textOf({ note }: Cosigned): string {
  return note.slice(0, note.lastIndexOf('\n\n'))
}
