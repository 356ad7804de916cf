import { readFileSync } from 'node:fs'
import { messageOf } from '@verdict/contract'
import { ConfigError } from '@verdict/service'

const KEY = /^[A-Za-z0-9_-]{43}$/
/** More are a problem of the file. */
export const INSTANCES_MAX = 10_000

/** The keys by which decision points must seal, or that must have endorsed theirs. */
export type PinnedKeys = ReadonlyMap<string, readonly string[]>

/** Reads `{"<instance>": "<key>" | ["<key>", …]}`. @throws {ConfigError} */
export function readPinnedKeys(file: string, env: string): PinnedKeys {
  try {
    return parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    throw new ConfigError([{ env, message: `${env}: \`${file}\`: ${messageOf(error)}` }])
  }
}

function parse(document: unknown): PinnedKeys {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new Error('expected an object of instances and their keys')
  }
  const entries = Object.entries(document)
  if (entries.length > INSTANCES_MAX) throw new Error(`expected at most ${INSTANCES_MAX} instances`)
  return new Map(
    entries.map(([instance, given]) => {
      const keys: unknown[] = Array.isArray(given) ? given : [given]
      if (keys.length > 0 && keys.every(isKey)) return [instance, keys as string[]]
      throw new Error(`\`${instance}\` has no key of 43 characters of base64url`)
    }),
  )
}

function isKey(given: unknown): boolean {
  return typeof given === 'string' && KEY.test(given)
}
