import path from 'node:path'
import {
  formatVerifierKey,
  generateSignerKey,
  KeyAlgorithm,
  type NoteSigner,
  parseSignerKey,
  parseVerifierKey,
  TlogError,
} from '@verdict/tlog'
import { CliError, CliErrorCode } from '../errors.ts'
import { readIfThere, writeWhole } from './durable-files.ts'
import { damaged, type StateRegister } from './state-register.ts'

/** The keys that a witness may have, by their names on the command line. */
export const COSIGNATURE_ALGORITHMS = {
  ed25519: KeyAlgorithm.ed25519Cosignature,
  'ml-dsa-44': KeyAlgorithm.mlDsa44Cosignature,
} as const
export type CosignatureAlgorithm = keyof typeof COSIGNATURE_ALGORITHMS
export const ALGORITHM_NAMES = Object.keys(COSIGNATURE_ALGORITHMS) as CosignatureAlgorithm[]

export interface WitnessKeys {
  /** Those that cosign from now on. */
  readonly signers: readonly NoteSigner[]
  /** Those, and what has cosigned before. */
  readonly all: readonly NoteSigner[]
}

export interface KeyOptions {
  readonly algorithms: readonly CosignatureAlgorithm[]
  /** What the keys are called that are made; those that are there must be called so, too. */
  readonly name?: string
  /** For the first key, where no name is given. */
  readonly defaultName: string
}

export function keyFile(dir: string, algorithm: CosignatureAlgorithm): string {
  return path.join(dir, `${algorithm}.key`)
}

/**
 * The keys in a state directory. One that is asked for the first time is made; one that was made
 * once is never made again.
 * @throws {CliError} `witness_state_damaged`, `witness_name_differs`
 */
export function openKeys(dir: string, register: StateRegister, options: KeyOptions): WitnessKeys {
  const keys = new Map<CosignatureAlgorithm, NoteSigner>()
  for (const algorithm of ALGORITHM_NAMES) {
    const signer = keptKey(dir, algorithm, register)
    if (signer !== undefined) keys.set(algorithm, signer)
  }
  const known = [...keys.values()][0]?.verifier.name
  const name = options.name ?? known ?? options.defaultName
  if (known !== undefined && known !== name) throw nameDiffers(dir, known, name)
  const signers = options.algorithms.map((algorithm) => {
    const signer = keys.get(algorithm) ?? makeKey(dir, algorithm, name)
    if (!keys.has(algorithm)) register.addKey(formatVerifierKey(signer.verifier))
    keys.set(algorithm, signer)
    return signer
  })
  return { signers, all: [...keys.values()] }
}

function keptKey(
  dir: string,
  algorithm: CosignatureAlgorithm,
  register: StateRegister,
): NoteSigner | undefined {
  const file = keyFile(dir, algorithm)
  const noted = register
    .vkeys()
    .find((vkey) => parseVerifierKey(vkey).algorithm === COSIGNATURE_ALGORITHMS[algorithm])
  const signer = readKey(dir, algorithm)
  if (signer === undefined) {
    if (noted === undefined) return undefined
    throw damaged(dir, `\`${file}\` is missing`)
  }
  const vkey = formatVerifierKey(signer.verifier)
  // Between the writing of a key and its noting the process may have been killed.
  if (noted === undefined) register.addKey(vkey)
  else if (noted !== vkey) throw damaged(dir, `\`${file}\` is not the key that was made there`)
  return signer
}

function readKey(dir: string, algorithm: CosignatureAlgorithm): NoteSigner | undefined {
  const file = keyFile(dir, algorithm)
  const text = readIfThere(file)
  if (text === undefined) return undefined
  try {
    const signer = parseSignerKey(text.trim())
    if (signer.verifier.algorithm === COSIGNATURE_ALGORITHMS[algorithm]) return signer
  } catch (error) {
    if (!(error instanceof TlogError)) throw error
    throw damaged(dir, `\`${file}\`: ${error.message}`, error)
  }
  throw damaged(dir, `\`${file}\` is a key of another algorithm`)
}

function makeKey(dir: string, algorithm: CosignatureAlgorithm, name: string): NoteSigner {
  const key = generateSignerKey(name, COSIGNATURE_ALGORITHMS[algorithm])
  writeWhole(keyFile(dir, algorithm), `${key}\n`)
  return parseSignerKey(key)
}

function nameDiffers(dir: string, known: string, asked: string): CliError {
  return new CliError(
    CliErrorCode.witnessNameDiffers,
    `the keys in \`${dir}\` are those of \`${known}\`, not of \`${asked}\`: leave out \`--name\`, ` +
      'or begin with an empty directory',
  )
}
