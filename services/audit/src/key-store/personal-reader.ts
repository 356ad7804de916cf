import { decryptText, keyIdOf } from '@verdict/contract'
import type { LogEntry } from '../log/log-entry.ts'
import type { Filter } from '../search/filter.ts'
import type { KeyStore } from './key-store.ts'

/** What a text under a key begins with, in JSON. */
const SEALED = '"enc:'

/** Reads the personal fields of entries, as far as their keys are there. */
export class PersonalReader {
  readonly #keys: Pick<KeyStore, 'key' | 'pseudonymsOf'>

  constructor(keys: Pick<KeyStore, 'key' | 'pseudonymsOf'>) {
    this.#keys = keys
  }

  /** A filter that finds a principal by its pseudonyms, too: the index has no other name of it. */
  found(filter: Filter): Filter {
    if (filter.principal === undefined) return filter
    return { ...filter, pseudonyms: this.#keys.pseudonymsOf(filter.principal) }
  }

  /** The entry with texts in the place of what could be read; `opened` names these fields. */
  open(entry: LogEntry): LogEntry {
    if (!entry.json.includes(SEALED)) return entry
    const record = JSON.parse(entry.json) as Record<string, unknown>
    const opened: string[] = []
    this.#openIn(record, { decision: String(record['id']), path: '', opened })
    if (opened.length === 0) return entry
    return { ...entry, json: JSON.stringify(record), opened }
  }

  #openIn(
    holder: Record<string, unknown>,
    { decision, path, opened }: { decision: string; path: string; opened: string[] },
  ): void {
    for (const [name, value] of Object.entries(holder)) {
      const field = `${path}${name}`
      if (typeof value === 'object' && value !== null && path === '') {
        const inner = value as Record<string, unknown>
        this.#openIn(inner, { decision, path: `${field}.`, opened })
      }
      if (typeof value !== 'string') continue
      const id = keyIdOf(value)
      const key = id === undefined ? undefined : this.#keys.key(id)
      const text = key && decryptText(value, key, { decision, field })
      if (text === undefined) continue
      holder[name] = text
      opened.push(field)
    }
  }
}
