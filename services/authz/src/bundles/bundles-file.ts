import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { messageOf } from '@verdict/contract'
import { VerificationKeys } from '@verdict/policy'
import { ConfigError } from '@verdict/service'
import { type BundleSource, type Fields, type Report, readSource } from './bundle-source.ts'

/** A larger file is refused. */
const FILE_BYTES_MAX = 1024 ** 2
/** Each is a module and data of its own in every process: more of them are refused. */
export const BUNDLES_MAX = 64
/** Also the name of a folder, and the key of a pointer. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/

/** Which bundles decide, and whose signatures are trusted. */
export interface BundlesFile {
  readonly keys: VerificationKeys
  /** In the order of the file. */
  readonly bundles: ReadonlyMap<string, BundleSource>
}

/**
 * Reads a file of bundles:
 *
 *     {"keys": {"ops": {"algorithm": "EdDSA", "file": "ops.pem"}},
 *      "bundles": {"shop": {}, "platform": {"url": "https://…", "tokenFile": "token"}}}
 *
 * Without a `url` a bundle comes over NATS. `keys` may also be the path of a file that holds them.
 * Files are relative to the folder of the one that names them.
 * @throws {ConfigError} with everything that is wrong with it
 */
export function readBundlesFile(file: string, env: `VERDICT_${string}`): BundlesFile {
  const problems: string[] = []
  const report: Report = (place, problem) => void problems.push(`\`${place}\` ${problem}`)
  const json = readJson(file, problems)
  if (json !== undefined && !isFields(json)) problems.push('it must be an object')
  if (isFields(json)) {
    for (const field of Object.keys(json)) {
      if (field === 'keys' || field === 'bundles') continue
      report(field, 'is unknown, keys, bundles are known')
    }
    const folder = path.dirname(file)
    const keys = readKeys(json['keys'], folder, report)
    const bundles = readBundles(json['bundles'], folder, report)
    if (problems.length === 0 && keys !== undefined) return { keys, bundles }
  }
  throw new ConfigError(problems.map((why) => ({ env, message: `${env} in \`${file}\`: ${why}` })))
}

function readJson(file: string, problems: string[]): unknown {
  try {
    const { size } = statSync(file)
    if (size > FILE_BYTES_MAX) throw new Error(`it has more than ${FILE_BYTES_MAX} bytes`)
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    problems.push(`it can't be read as JSON: ${messageOf(error)}`)
    return undefined
  }
}

/** The keys themselves, or the path of a file that holds them and nothing else. */
function readKeys(given: unknown, folder: string, report: Report): VerificationKeys | undefined {
  if (typeof given !== 'string') return parseKeys(given, folder, report)
  const file = path.resolve(folder, given)
  const problems: string[] = []
  const json = readJson(file, problems)
  for (const problem of problems) report('keys', `name \`${file}\`: ${problem}`)
  return problems.length > 0 ? undefined : parseKeys(json, path.dirname(file), report)
}

function parseKeys(given: unknown, folder: string, report: Report): VerificationKeys | undefined {
  if (!isFields(given) || Object.keys(given).length === 0) {
    report('keys', 'must be an object with at least one key, or the path of a file with one')
    return undefined
  }
  const refused = Object.entries(given).filter(([id, key]) => {
    try {
      VerificationKeys.parse({ [id]: key }, { folder })
      return false
    } catch (error) {
      report(`keys.${id}`, messageOf(error))
      return true
    }
  })
  return refused.length > 0 ? undefined : VerificationKeys.parse(given, { folder })
}

function readBundles(given: unknown, folder: string, report: Report) {
  const bundles = new Map<string, BundleSource>()
  const names = isFields(given) ? Object.keys(given) : []
  if (!isFields(given) || names.length === 0 || names.length > BUNDLES_MAX) {
    report('bundles', `must be an object with 1 to ${BUNDLES_MAX} bundles`)
    return bundles
  }
  for (const name of names) {
    const place = `bundles.${name}`
    if (!NAME.test(name)) report(place, 'must have a name of 1 to 64 letters, digits, `_` and `-`')
    const source = given[name]
    if (isFields(source)) {
      const read = readSource(source, folder, (field, why) => report(`${place}.${field}`, why))
      if (read !== undefined) bundles.set(name, read)
    } else report(place, 'must be an object, `{}` for a bundle that comes over NATS')
  }
  return bundles
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
