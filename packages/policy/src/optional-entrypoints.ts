import type { SourceFile } from './sources.ts'

const TEST_FILE = /_test\.rego$/

/** Rules that are built, and those that are built where the policies have them. */
export interface WantedEntrypoints {
  readonly entrypoints: readonly string[]
  /** Of the form `package/rule`; what looks like such a rule is taken for one. */
  readonly optionalEntrypoints?: readonly string[]
}

/** The rules that are built of these sources. */
export function entrypointsOf(
  files: readonly SourceFile[],
  { entrypoints, optionalEntrypoints = [] }: WantedEntrypoints,
): readonly string[] {
  const found = optionalEntrypoints.filter(
    (one) => !entrypoints.includes(one) && files.some((file) => hasRule(file, one)),
  )
  return found.length === 0 ? entrypoints : [...entrypoints, ...found]
}

/** By the text: where it only looks like the rule, OPA says that there is none. */
function hasRule({ path, bytes }: SourceFile, entrypoint: string): boolean {
  if (!path.endsWith('.rego') || TEST_FILE.test(path)) return false
  const [name, ...folders] = entrypoint.split('/').toReversed()
  const inPackage = new RegExp(
    `^\\s*package\\s+${folders.toReversed().join('\\.')}\\s*(?:[#;]|$)`,
    'm',
  )
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  return (
    inPackage.test(text) && new RegExp(`^\\s*(?:default\\s+)?${name}(?![\\w.(])`, 'm').test(text)
  )
}
