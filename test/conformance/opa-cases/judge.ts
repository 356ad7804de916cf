import { type LoadedPolicy, loadPolicy, PolicyError, PolicyErrorCode } from '@verdict/policy'
import { BINDINGS, CaseRefused, caseBundle, GIVEN } from './case-bundle.ts'
import type { Case } from './case-files.ts'
import { exactOf, exactText, readExact } from './exact-json.ts'
import { refusalReason } from './refusal.ts'
import { bindingsText, wantedText } from './wanted.ts'

export type Outcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'not applicable'; readonly reason: string }
  | Failure

export interface Failure {
  readonly kind: 'failed'
  readonly reason: string
  readonly wanted: string
  readonly came: string
}

const PASSED: Outcome = { kind: 'passed' }
/** Some cases ask for more than a decision may cost. */
const UNITS_MAX = 1_000_000_000
/** What modules say where OPA says that two values contradict each other. */
const CONFLICT = /conflict|must be unique|multiple outputs/
/** They belong in no decision's path: the engine refuses them on purpose. */
const REFUSED_BUILTINS = /http\.send|net\.lookup_ip_addr/

/** Runs a case: compile, load, evaluate, compare. */
export async function judge(
  opa: string,
  asked: Case,
  variables: readonly string[] | undefined,
): Promise<Outcome> {
  if (asked.isStrict) {
    return notApplicable('it wants strict errors of built-ins, which modules do not have')
  }
  if (variables === undefined) return notApplicable('its query is none for a rule')
  try {
    const bundle = await caseBundle(opa, asked, variables)
    return answered(await loadPolicy(bundle, { memoBytesMax: 0 }), asked)
  } catch (error) {
    if (error instanceof CaseRefused) return refused(error.message, asked)
    if (error instanceof PolicyError) return ended(error, asked)
    // One case must not end the run of all.
    return failed('it threw', asked, String(error))
  }
}

/** @throws {PolicyError} */
function answered(policy: LoadedPolicy, asked: Case): Outcome {
  const given = asked.input === undefined ? undefined : policy.evaluateValue(GIVEN)
  if (given === undefined && asked.input !== undefined) {
    return failed('the input has no value', asked, 'undefined')
  }
  const env = Object.entries(asked.env)
  const runtime = env.length === 0 ? new Map() : new Map([['env', new Map(env)]])
  const options = { unitsMax: UNITS_MAX, runtime }
  const bindings = policy.evaluateValue(BINDINGS, given, options)
  if (bindings === undefined) return failed('no bindings', asked, 'undefined')
  const came = bindingsText(exactOf(bindings), asked)
  const wanted = wantedText(asked, came)
  if (came !== wanted) return failed('another result', asked, came)
  const plain = plainInput(asked.input)
  if (plain === undefined) return PASSED
  // As services ask, which hand over only what the policy reads.
  const projected = policy.evaluate(BINDINGS, plain, options)
  const again = bindingsText(readExact(JSON.stringify(projected ?? [])), asked)
  const same = bindingsText(readExact(JSON.stringify(JSON.parse(came))), asked)
  return again === same ? PASSED : failed('another result by `evaluate`', asked, again)
}

/** An input as a value of JavaScript, where it is one: not one with a set or with more digits. */
function plainInput(text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    const plain: unknown = JSON.parse(text)
    const isSame = exactText(readExact(text)) === exactText(readExact(JSON.stringify(plain)))
    return isSame ? plain : undefined
  } catch {
    // A term of Rego that is no JSON.
    return undefined
  }
}

function ended(error: PolicyError, asked: Case): Outcome {
  const { code, message } = error
  if (code === PolicyErrorCode.builtinUnsupported && REFUSED_BUILTINS.test(message)) {
    return notApplicable(`\`${REFUSED_BUILTINS.exec(message)?.[0]}\` is refused on purpose`)
  }
  const isWanted =
    asked.wantErrorCode === 'eval_conflict_error'
      ? CONFLICT.test(message)
      : asked.wantErrorCode !== undefined || asked.wantError !== undefined
  if (isWanted && code === PolicyErrorCode.evaluationFailed) return PASSED
  return failed(code, asked, message)
}

function refused(message: string, asked: Case): Outcome {
  const { wantErrorCode: code, wantError: text } = asked
  const isWanted =
    (code !== undefined && message.includes(code)) || (text !== undefined && message.includes(text))
  return isWanted ? PASSED : notApplicable(`opa build: ${refusalReason(message)}`)
}

function notApplicable(reason: string): Outcome {
  return { kind: 'not applicable', reason }
}

function failed(reason: string, asked: Case, came: string): Outcome {
  return { kind: 'failed', reason, wanted: wantedText(asked, came), came }
}
