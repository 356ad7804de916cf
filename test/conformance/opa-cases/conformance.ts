import { readFileSync, statSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { provide } from '@verdict/toolchain'
import { CasesUnusable, readCases } from './case-files.ts'
import { type KnownDifferences, report } from './report.ts'
import { runCases } from './run-cases.ts'

/** OPA's own test cases, asked of this engine: `npm run conformance`. */

const HELP = `npm run conformance -- --cases DIR [--only TEXT]

Runs the case files of OPA (v1/test/cases/testdata/v1 in its sources), YAML or JSON, in DIR
and its folders: each case is compiled to a module, evaluated by this engine, and compared
with the result that it wants.

  --cases DIR   the folder
  --only TEXT   cases with this in their note
  --help        this text

Exits with 1 where a case failed that known-differences.json does not name.
`
const PROGRESS_EVERY = 25

function usage(): { cases: string; only: string } | undefined {
  const { values } = parseArgs({
    options: { cases: { type: 'string' }, only: { type: 'string' }, help: { type: 'boolean' } },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return undefined
  }
  if (values.cases === undefined) throw new CasesUnusable('name the folder: `--cases DIR`')
  if (!statSync(values.cases, { throwIfNoEntry: false })?.isDirectory()) {
    throw new CasesUnusable(`\`${values.cases}\` is no folder`)
  }
  return { cases: values.cases, only: values.only ?? '' }
}

async function conformance(folder: string, only: string): Promise<void> {
  const progress = (line: string) => process.stderr.write(`${line}\n`)
  const opa = await provide('opa', { onProgress: (doing) => progress(`opa: ${doing}`) })
  const all = await readCases(opa, folder)
  const cases = all.filter(({ note }) => note.includes(only))
  if (cases.length === 0)
    throw new CasesUnusable(`no case of ${all.length} has \`${only}\` in its note`)
  progress(`${cases.length} of ${all.length} cases`)
  const judged = await runCases(opa, cases, (done) => {
    if (done % PROGRESS_EVERY === 0) progress(`${done} of ${cases.length} done`)
  })
  const list = readFileSync(new URL('known-differences.json', import.meta.url), 'utf8')
  const { text, unexpected } = report(judged, JSON.parse(list) as KnownDifferences)
  process.stdout.write(text)
  if (unexpected > 0) process.exitCode = 1
}

/** As `parseArgs` throws them. */
function isArgumentError(error: unknown): error is Error {
  return error instanceof TypeError && 'code' in error && /^ERR_PARSE_ARGS/.test(String(error.code))
}

try {
  const asked = usage()
  if (asked !== undefined) await conformance(asked.cases, asked.only)
} catch (error) {
  const isMisused = error instanceof CasesUnusable || isArgumentError(error)
  if (!isMisused) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 2
}
