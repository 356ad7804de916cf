import type { Bundle } from '../bundle/bundle.ts'
import { PolicyError, PolicyErrorCode } from '../errors.ts'
import { type Block, type Plan, statementsOf } from '../plan/plan.ts'
import { readsOf } from '../plan/reads.ts'

/** Built-ins that wait for others. */
export const WAITING: ReadonlySet<string> = new Set(['http.send', 'net.lookup_ip_addr'])
/** Built-ins that this engine does not have. */
const LACKING: ReadonlySet<string> = new Set(['rego.parse_module', 'internal.test_case'])
/** Of all refused calls, a message tells this many. */
const CALLS_TOLD_MAX = 3

/** Whether the operator lets policies ask other services. */
export interface Allowing {
  readonly allowFetch: boolean
}

/**
 * Refuses a policy that calls what it may not, wherever in its rules: before it is asked anything.
 * @throws {PolicyError} `builtin_unsupported`, with the files and lines
 */
export function refuseCalls({ plan, sourcePlan }: Bundle, { allowFetch }: Allowing): void {
  const refused = (name: string) => LACKING.has(name) || (!allowFetch && WAITING.has(name))
  const calls = [...callsIn(planOf(sourcePlan ?? plan), refused)]
  if (calls.length === 0) return
  const told = calls.slice(0, CALLS_TOLD_MAX).map(({ name, place }) => `${place}: \`${name}\``)
  const more = calls.length > CALLS_TOLD_MAX ? `; and ${calls.length - CALLS_TOLD_MAX} more` : ''
  throw unsupported(
    `the policy calls what is not supported: ${told.join('; ')}${more}`,
    calls.map(({ name }) => name),
  )
}

/** The rules that may ask other services; all of them where no plan tells. */
export function fetchingEntrypoints({ plan, entrypoints }: Bundle): ReadonlySet<string> {
  const read = planOf(plan)
  const asks = (entrypoint: string) =>
    read === undefined || !WAITING.isDisjointFrom(readsOf(read, entrypoint)?.builtins ?? WAITING)
  return new Set(entrypoints.filter(asks))
}

function planOf(json: Uint8Array | undefined): Plan | undefined {
  if (json === undefined) return undefined
  try {
    return JSON.parse(Buffer.from(json).toString('utf8')) as Plan
  } catch (cause) {
    const why = 'the plan of the policy is no JSON: build it again'
    throw new PolicyError(PolicyErrorCode.bundleMalformed, why, { cause })
  }
}

/** The error for these built-ins, with what to do instead. */
export function unsupported(what: string, names: readonly string[]): PolicyError {
  const instead = names.some((name) => WAITING.has(name))
    ? 'a decision does not wait for other services: push what they know into the data of the ' +
      'policy, by `verdict policy data put` or a data.json, or have their hosts allowed'
    : 'do without it'
  return new PolicyError(PolicyErrorCode.builtinUnsupported, `${what}: ${instead}`)
}

interface Call {
  readonly name: string
  /** File and line. */
  readonly place: string
}

function* callsIn(plan: Plan | undefined, wanted: (name: string) => boolean): Generator<Call> {
  if (plan === undefined) return
  const files = (plan.static as { files?: readonly { value: string }[] | null }).files ?? []
  const bodies: (readonly Block[])[] = [
    ...plan.plans.plans.map(({ blocks }) => blocks),
    ...(plan.funcs?.funcs ?? []).map(({ blocks }) => blocks),
  ]
  for (const blocks of bodies) {
    for (const { type, stmt } of statementsOf(blocks)) {
      const name = String(stmt['func'])
      if (type !== 'CallStmt' || !wanted(name)) continue
      const { file, row } = stmt as { file?: number; row?: number }
      yield { name, place: `${files[file ?? 0]?.value ?? 'a rule'}:${row ?? 0}` }
    }
  }
}
