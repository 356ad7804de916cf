import type { Identity } from '@verdict/contract'
import type { ParsedBody } from './body/body.ts'
import type { AmbiguityKind } from './canonicalise/ambiguity.ts'
import type { CanonicalRequest } from './canonicalise/canonicalise.ts'
import type { Attributes } from './request.ts'

/** The input document: exactly opa-envoy-plugin's, and `identity`, and `ambiguities` if any. */
export interface PolicyInput {
  /** Absent where there are none. */
  ambiguities?: readonly AmbiguityKind[]
  attributes?: Attributes
  identity: Identity
  parsed_body: unknown
  parsed_path: readonly string[]
  parsed_query: Readonly<Record<string, readonly string[]>>
  source_principal?: string
  truncated_body: boolean
  version: { readonly encoding: 'protojson'; readonly ext_authz: 'v3' }
}

const VERSION = { encoding: 'protojson', ext_authz: 'v3' } as const

export function buildInput(
  attributes: Attributes | undefined,
  canonical: CanonicalRequest,
  body: ParsedBody,
  identity: Identity,
): PolicyInput {
  const input: PolicyInput = {
    identity,
    parsed_body: body.value,
    parsed_path: canonical.parsedPath,
    parsed_query: canonical.parsedQuery,
    truncated_body: body.truncated,
    version: VERSION,
  }
  if (attributes === undefined) return input
  input.attributes = attributes
  const principal = attributes.source?.principal
  if (principal !== undefined && principal !== '') input.source_principal = principal
  return input
}
