import { tmpdir } from 'node:os'
import path from 'node:path'
import { type BuildOptions, DEFAULT_OPA_TIMEOUT_MS } from '../build.ts'
import { compileBundle } from '../compile.ts'
import { refuseCalls } from '../fetch/calls.ts'
import type { LabelsReport } from '../labels/report.ts'
import { checkPolicies, testPolicies } from '../opa.ts'
import type { OpaCall } from '../opa-call.ts'
import type { RuleIndexReport } from '../rule-index/report.ts'
import { readSources, revisionOf } from '../sources.ts'
import { parseBundle } from './bundle.ts'
import { type Coverage, coverageOf, refuseUncovered } from './coverage.ts'
import { digestOf } from './hash.ts'
import { packBundle } from './pack.ts'

const SCRATCH_PREFIX = 'verdict-build-'

/** What is done in turn; `opa check --strict`, `opa test`, `opa test --coverage`, `opa build`. */
export type BuildStep = 'check' | 'test' | 'coverage' | 'compile' | 'pack'

export interface ArchiveOptions extends Omit<BuildOptions, 'cacheDir'> {
  /** What the bundle is called; default: the digest of its sources. */
  readonly revision?: string
  /** A whole number that only grows; default: the time, in milliseconds since 1970. */
  readonly serial?: number
  /** The data that is the bundle's own, such as `shop`; default: all of it. */
  readonly roots?: readonly string[]
  /** Of the lines of the policies that their tests have to run through; default none. */
  readonly coverageMinPercent?: number
  /** Told when each step begins. */
  readonly onStep?: (step: BuildStep) => void
}

/** A bundle, and what became known of it while it was built. */
export interface BuiltArchive {
  readonly archive: Uint8Array
  /** SHA-256 of the archive, in hex. */
  readonly digest: string
  readonly revision: string
  readonly serial: number
  readonly entrypoints: readonly string[]
  readonly roots: readonly string[]
  /** How many there are, all of which passed. */
  readonly tests: number
  readonly coverage: Coverage
  /** Not there where the rule index was switched off. */
  readonly ruleIndex?: RuleIndexReport
  /** Which rules have labels. */
  readonly labels?: LabelsReport
}

/**
 * Makes a bundle of a folder of policies, for `signBundle` and to be handed out. Stricter than
 * `buildBundle`, which runs what is there: `opa check --strict`, and a bound on the coverage.
 * @throws {PolicyError} with the file and line of what is wrong
 */
export async function buildArchive(options: ArchiveOptions): Promise<BuiltArchive> {
  const { opa, entrypoints, signal, timeoutMs = DEFAULT_OPA_TIMEOUT_MS } = options
  const { ruleIndex = true, labels = true } = options
  const { serial = Date.now(), roots = [''], onStep = () => {} } = options
  const { files } = await readSources(options.sources)
  const sourcesRevision = revisionOf(files, entrypoints, ruleIndex, labels)
  const { revision = sourcesRevision } = options
  let examined = { tests: 0, coverage: NO_COVERAGE }
  const examine = async (call: OpaCall) => {
    examined = await examinePolicies(call, { ...options, onStep })
    onStep('compile')
  }
  const how = { timeoutMs, ruleIndex, labels, examine, ...(signal && { signal }) }
  const task = { files, opa, entrypoints, ...how }
  const parts = await compileBundle(task, path.join(tmpdir(), SCRATCH_PREFIX))
  onStep('pack')
  const named = { revision, entrypoints, roots, serial, sources: files, sourcesRevision }
  const archive = await packBundle({ ...parts, ...named })
  const { allowFetch = false } = options
  refuseCalls(await parseBundle(archive, { revision, entrypoints }), { allowFetch })
  const told = {
    ...examined,
    ...(parts.ruleIndex && { ruleIndex: parsed(parts.ruleIndex) as RuleIndexReport }),
    ...(parts.labels && { labels: parsed(parts.labels) as LabelsReport }),
  }
  return { archive, digest: digestOf(archive), revision, serial, entrypoints, roots, ...told }
}

const NO_COVERAGE: Coverage = { percent: 0, lines: 0, missed: [] }

async function examinePolicies(
  call: OpaCall,
  { onStep, coverageMinPercent = 0 }: Pick<ArchiveOptions, 'onStep' | 'coverageMinPercent'>,
): Promise<{ tests: number; coverage: Coverage }> {
  onStep?.('check')
  await checkPolicies(call, { strict: true })
  onStep?.('test')
  const tests = await testPolicies(call)
  onStep?.('coverage')
  const coverage = await coverageOf(call)
  refuseUncovered(coverage, coverageMinPercent)
  return { tests, coverage }
}

function parsed(json: Uint8Array): unknown {
  return JSON.parse(Buffer.from(json).toString('utf8'))
}
