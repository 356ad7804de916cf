import type { AuthzConfig } from '../config.ts'
import { PersonalKeysFile } from './personal-keys-file.ts'
import { PersonalRecords } from './personal-records.ts'
import { type SealedFor, SealedKeys } from './sealed-keys.ts'
import { SubjectKeys } from './subject-keys.ts'

export interface PersonalOptions {
  readonly config: Pick<AuthzConfig, 'personalKeys' | 'personalFields'>
  /** The folder of the journal; the keys are in one beside it. */
  readonly dir: string
  readonly journal: SealedFor
  readonly events: PersonalEvents
}

export interface PersonalEvents {
  /** The new file of the keys can't be used: the last good one is. */
  personalKeysRefused(error: unknown): void
}

/** The part of a decision point that has to do with personal fields. */
export interface Personal extends AsyncDisposable {
  /** Absent where nothing is encrypted. */
  readonly records: PersonalRecords | undefined
  /** What travels with the records; absent where nothing ever was encrypted. */
  readonly sealed: SealedKeys | undefined
}

/** The folder of the sealed keys that belong to a journal. */
export function sealedKeysDir(journalDir: string): string {
  return `${journalDir}.keys`
}

/** @throws {PersonalError} `subject_keys_failed` @throws {ConfigError} */
export async function openPersonal(options: PersonalOptions): Promise<Personal> {
  const { config, dir, events, journal } = options
  const { personalKeys, personalFields } = config
  if (personalKeys === undefined) {
    const sealed = await SealedKeys.openLeft(sealedKeysDir(dir), journal)
    const dispose = async (): Promise<void> => await sealed?.[Symbol.asyncDispose]()
    return { records: undefined, sealed, [Symbol.asyncDispose]: dispose }
  }
  const refused = (error: unknown): void => events.personalKeysRefused(error)
  const file = new PersonalKeysFile(personalKeys, refused)
  const sealed = await SealedKeys.open(sealedKeysDir(dir), journal)
  const subjects = new SubjectKeys({ keys: () => file.current, keep: (key) => sealed.keep(key) })
  return {
    records: new PersonalRecords(subjects, personalFields),
    sealed,
    [Symbol.asyncDispose]: async () => await sealed[Symbol.asyncDispose](),
  }
}
