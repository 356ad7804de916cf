import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { temporaryDirectory, writeFiles } from '@verdict/kit'
import type { Bundle } from '@verdict/policy'
import type { Case } from './case-files.ts'
import { askOpa } from './opa-program.ts'

const PACKAGE = 'verdict_conformance'
/** The rule that is asked: the set of the query's bindings, each an object by variable. */
export const BINDINGS = `${PACKAGE}/verdict_bindings`
/** The case's input, with all that Rego's values have and those of JavaScript lack. */
export const GIVEN = `${PACKAGE}/verdict_given`

/** Why OPA does not compile a case, in its words. */
export class CaseRefused extends Error {
  override readonly name = 'CaseRefused'
}

/** The modules of a case, and the one that asks its query. */
export function caseModules(
  { modules, query, input }: Case,
  variables: readonly string[],
): Record<string, string> {
  const object = variables.map((name) => `"${name}": ${name}`).join(', ')
  const given = input === undefined ? '' : `\nverdict_given := ${input}\n`
  const asking =
    `package ${PACKAGE}\n\nimport rego.v1\n\n` +
    `verdict_bindings contains {${object}} if {\n${query}\n}\n${given}`
  const named = modules.map((rego, at) => [`module-${at}.rego`, rego])
  return { ...Object.fromEntries(named), 'asking.rego': asking }
}

/** Compiles a case as `buildBundle` does, without checks and tests. @throws {CaseRefused} */
export async function caseBundle(
  opa: string,
  asked: Case,
  variables: readonly string[],
): Promise<Bundle> {
  await using scratch = temporaryDirectory()
  const sources = path.join(scratch.path, 'sources')
  writeFiles(sources, { ...caseModules(asked, variables), 'data.json': asked.data })
  const entrypoints = asked.input === undefined ? [BINDINGS] : [BINDINGS, GIVEN]
  const built = async (target: 'wasm' | 'plan', wanted: string) => {
    const output = path.join(scratch.path, `${target}.tar.gz`)
    const named = entrypoints.map((entrypoint) => `--entrypoint=${entrypoint}`)
    const args = ['build', '--target', target, '--prune-unused', ...named, '--output', output, '.']
    const answer = await askOpa(opa, args, { folder: sources })
    if (!answer.ok) throw new CaseRefused(`${answer.stderr}${answer.stdout}`)
    return fileIn(gunzipSync(await readFile(output)), wanted)
  }
  return {
    revision: asked.note,
    entrypoints,
    wasm: await built('wasm', 'policy.wasm'),
    plan: await built('plan', 'plan.json'),
    data: Buffer.from(asked.data),
  }
}

const TAR_BLOCK_BYTES = 512

/** A file of an archive of `tar`, as OPA writes it. */
function fileIn(tar: Buffer, wanted: string): Uint8Array {
  for (let at = 0; at + TAR_BLOCK_BYTES <= tar.length; ) {
    const text = (from: number, to: number) =>
      tar.toString('latin1', at + from, at + to).replace(/\0.*$/s, '')
    const bytes = Number.parseInt(text(124, 136), 8)
    if (Number.isNaN(bytes)) break
    const begin = at + TAR_BLOCK_BYTES
    if (text(0, 100).replace(/^\//, '') === wanted) return tar.subarray(begin, begin + bytes)
    at = begin + Math.ceil(bytes / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES
  }
  throw new TypeError(`OPA's archive has no \`${wanted}\``)
}
