import { AMBIGUITY_KINDS, Ambiguity, type AmbiguityKind } from '../canonicalise/ambiguity.ts'
import type { CanonicalRequest } from '../canonicalise/canonicalise.ts'
import { AuthzError, AuthzErrorCode } from '../errors.ts'
import type { ActivePolicies, ActivePolicy } from '../evaluate.ts'
import { RECORD_RULES } from '../record-rules/names.ts'
import type { DecisionRequest } from '../request.ts'
import { otherReadings, PATH_KINDS } from './readings.ts'
import type { Route, RouteTable } from './route-table.ts'

/** Where Envoy's configuration of a route names the rule that decides. */
export const ENTRYPOINT_KEY = 'verdict.entrypoint'

/** The policies with the rule of theirs that decides one request. */
export interface ChosenPolicy extends ActivePolicy {
  /** The route of the file that is for the request. */
  readonly route?: Route
  /** What the request is refused for, because it has one route by one reading and another by another. */
  readonly disputed?: AmbiguityKind
}

/**
 * Which rule decides a request, by the first that says so: the context extension of Envoy's route,
 * the caller who asks for a rule, the file of routes, the setting. `flagged` are the bits of the
 * ambiguities that the setting neither refuses nor allows.
 * @throws {AuthzError} `route_invalid`, `policy_path_unknown`, `entrypoint_missing`
 */
export function choosePolicy(
  active: ActivePolicies,
  { attributes, entrypoint: asked }: DecisionRequest,
  canonical: CanonicalRequest,
  flagged: number,
): ChosenPolicy {
  const extension = attributes?.contextExtensions?.[ENTRYPOINT_KEY]
  if (extension !== undefined) return named(active, extension, AuthzErrorCode.routeInvalid)
  if (asked !== undefined && asked !== active.entrypoint) {
    return named(active, asked, AuthzErrorCode.policyPathUnknown)
  }
  // A connection that is no HTTP has neither host nor path.
  if (active.routes === undefined || attributes?.request?.http === undefined)
    return byDefault(active)
  return byTable(active, active.routes, canonical, flagged)
}

function named(
  active: ActivePolicies,
  entrypoint: string,
  code: 'route_invalid' | 'policy_path_unknown',
): ChosenPolicy {
  if (entrypoint === active.entrypoint) return byDefault(active)
  const chosen = RECORD_RULES.includes(entrypoint) ? undefined : withRule(active, entrypoint)
  if (chosen?.policy.entrypoints.includes(entrypoint) === true) return chosen
  const who =
    code === AuthzErrorCode.routeInvalid
      ? `the context extension \`${ENTRYPOINT_KEY}\` names`
      : 'the caller asks for'
  throw new AuthzError(
    code,
    `${who} \`${entrypoint}\`, which is no rule that may decide here: ` +
      (active.owners === undefined
        ? 'name it in VERDICT_AUTHZ_ENTRYPOINTS'
        : 'name it as an entrypoint of a bundle'),
  )
}

/** The rule of the setting. @throws {AuthzError} `entrypoint_missing` */
function byDefault(active: ActivePolicies): ChosenPolicy {
  if (hasPolicy(active)) return active
  throw missing(active.entrypoint, 'VERDICT_AUTHZ_ENTRYPOINT names')
}

/** The policy that has a rule; of one policy alone it is not asked whether it has. */
function withRule(active: ActivePolicies, entrypoint: string): ActivePolicy | undefined {
  if (active.owners === undefined) return hasPolicy(active) ? { ...active, entrypoint } : undefined
  const owner = active.owners.get(entrypoint)
  return owner === undefined ? undefined : { ...active, ...owner, entrypoint }
}

function hasPolicy(active: ActivePolicies): active is ActivePolicy {
  return active.policy !== undefined
}

function missing(entrypoint: string, who: string): AuthzError {
  return new AuthzError(
    AuthzErrorCode.entrypointMissing,
    `${who} \`${entrypoint}\`, which no active bundle has: push one that has it`,
  )
}

/** What some take for another host. */
const AUTHORITY_KINDS =
  Ambiguity.authority_userinfo | Ambiguity.authority_invalid | Ambiguity.authority_mismatch

function byTable(
  active: ActivePolicies,
  routes: RouteTable,
  canonical: CanonicalRequest,
  flagged: number,
): ChosenPolicy {
  const { authority, method, parsedPath } = canonical
  const host = authority.replace(/:\d*$/, '')
  const route = routes.match({ host, segments: parsedPath, method })
  const isOther = (segments: readonly string[], as: string): boolean =>
    routes.match({ host, segments, method: as }) !== route
  let disputed = 0
  if (routes.namesHosts) disputed |= flagged & AUTHORITY_KINDS
  if ((flagged & Ambiguity.method_form) !== 0 && isOther(parsedPath, method.toUpperCase())) {
    disputed |= Ambiguity.method_form
  }
  if ((flagged & PATH_KINDS) !== 0) {
    const readings = otherReadings(canonical)
    const differ = readings?.some((segments) => isOther(segments, method)) ?? true
    if (differ) disputed |= flagged & PATH_KINDS
  }
  const chosen = route === undefined ? byDefault(active) : withRule(active, route.entrypoint)
  if (chosen === undefined) throw missing(route?.entrypoint ?? '', 'a route leads to')
  if (route === undefined && disputed === 0) return chosen
  const kind = AMBIGUITY_KINDS.find((one) => (disputed & Ambiguity[one]) !== 0)
  return {
    ...chosen,
    ...(route === undefined ? undefined : { route }),
    ...(kind === undefined ? undefined : { disputed: kind }),
  }
}
