import type { Identity } from '@verdict/contract'
import type { ParsedBody } from './body/body.ts'
import type { AmbiguityKind } from './canonicalise/ambiguity.ts'
import type { CanonicalRequest } from './canonicalise/canonicalise.ts'
import type { Attributes } from './request.ts'
import type { Route } from './route/route-table.ts'

/**
 * The input document: exactly opa-envoy-plugin's, and `identity`, and `ambiguities` and `route`
 * where there are any. docs/policy-contract.md has each key.
 */
export interface PolicyInput {
  /** Absent where there are none. */
  ambiguities?: readonly AmbiguityKind[]
  attributes?: Attributes
  identity: Identity
  /** Absent, as is `truncated_body`, where bodies are not read. */
  parsed_body?: unknown
  parsed_path: readonly string[]
  parsed_query: Readonly<Record<string, readonly string[]>>
  /** Absent where no route of the file is for the request. */
  route?: { readonly name?: string }
  source_principal?: string
  truncated_body?: boolean
  version: { readonly encoding: 'protojson'; readonly ext_authz: 'v3' }
}

/** What the policy is told of the route that led to it. */
export function routeInput({ name }: Route): NonNullable<PolicyInput['route']> {
  return name === undefined ? {} : { name }
}

const VERSION = { encoding: 'protojson', ext_authz: 'v3' } as const

export function buildInput(
  attributes: Attributes | undefined,
  canonical: CanonicalRequest,
  body: ParsedBody | undefined,
  identity: Identity,
): PolicyInput {
  const input: PolicyInput = {
    identity,
    parsed_path: canonical.parsedPath,
    parsed_query: canonical.parsedQuery,
    version: VERSION,
  }
  if (body !== undefined) {
    input.parsed_body = body.value
    input.truncated_body = body.truncated
  }
  if (attributes === undefined) return input
  input.attributes = attributes
  const principal = attributes.source?.principal
  if (principal !== undefined && principal !== '') input.source_principal = principal
  return input
}
