import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { locate } from '@verdict/toolchain'

/** The real `opa`, for tests that compile policies or ask it for its own answer. */
export async function opaBinary(): Promise<string> {
  const opa = await locate('opa')
  if (opa === undefined) throw new Error('no opa: run `npm test`, or set VERDICT_OPA_BIN')
  return opa
}

/** Writes files, such as policies, by their path in a folder. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
}
