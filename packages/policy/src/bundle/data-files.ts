import path from 'node:path'
import { messageOf } from '@verdict/contract'
import { readJson } from '../go/read-json.ts'
import { readYaml } from '../go/yaml-read.ts'
import { objectOf } from '../value/compare.ts'
import { isObject, type RegoObject, type Value } from '../value/value.ts'
import { writeJson } from '../value/write.ts'
import type { BundleFiles } from './archive.ts'
import { FILES } from './names.ts'
import { malformed } from './refusals.ts'

const JSON_DATA = 'data.json'
const YAML_DATA = /^data\.ya?ml$/
const NO_DATA = Buffer.from('{}')

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Whether OPA merges a file into the data, at the path of its folder. */
export function isData(name: string): boolean {
  const base = path.posix.basename(name)
  return base === JSON_DATA || YAML_DATA.test(base)
}

/** All data of a bundle, as JSON. @throws {PolicyError} `bundle_malformed` */
export function dataOf(files: BundleFiles): Uint8Array {
  const names = [...files.keys()].filter(isData)
  const [only] = names
  if (only === undefined) return NO_DATA
  // What `opa build` makes is there as it is needed already.
  if (names.length === 1 && only === FILES.data) return files.get(only) ?? NO_DATA
  let data: RegoObject = new Map()
  for (const name of names) {
    const folder = path.posix.dirname(name)
    const value = readData(name, files.get(name) ?? NO_DATA)
    data = merged(data, placed(folder === '.' ? [] : folder.split('/'), value, name), name)
  }
  return Buffer.from(writeJson(data))
}

/** A file of data, its numbers by their digits. @throws {PolicyError} `bundle_malformed` */
export function readData(name: string, bytes: Uint8Array): Value {
  try {
    const text = utf8.decode(bytes)
    // Who made the bundle has been verified; its size is bounded.
    const value = YAML_DATA.test(path.posix.basename(name))
      ? readYaml(text, () => {})
      : readJson(text)
    if (value !== undefined) return value
  } catch (cause) {
    throw malformed(`has data in \`${name}\` that cannot be read (${messageOf(cause)})`, cause)
  }
  throw malformed(`has data in \`${name}\` that is no JSON`)
}

function placed(folders: readonly string[], value: Value, name: string): RegoObject {
  const whole = folders.reduceRight((below, folder) => new Map([[folder as Value, below]]), value)
  if (!isObject(whole)) throw malformed(`has data in \`${name}\` that is no object`)
  return whole
}

function merged(into: RegoObject, other: RegoObject, name: string): RegoObject {
  const entries = new Map(into)
  for (const [key, value] of other) {
    const there = entries.get(key)
    if (there === undefined) entries.set(key, value)
    else if (isObject(there) && isObject(value)) entries.set(key, merged(there, value, name))
    else throw malformed(`has data in \`${name}\` where another file has some`)
  }
  return objectOf(entries)
}
