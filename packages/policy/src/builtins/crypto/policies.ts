import { integerOf, isArray, isObject, type Value } from '../../value/value.ts'
import { contextTag, Der, malformed, oidParts, partsOf, TAG } from './der.ts'
import { slice, struct } from './names.ts'

type Members = Readonly<Record<string, Value>>

const INT32_MAX = 2n ** 31n - 1n

export function policies(der: Der): Members {
  const ids = [...partsOf(der)].map(({ bytes }) =>
    oidParts(new Der(bytes).inner(TAG.sequence).value(TAG.oid)),
  )
  const texts = ids.map((id) => id.join('.'))
  if (new Set(texts).size !== texts.length) throw malformed()
  const short = ids.filter((id) => id.every((part) => part <= INT32_MAX))
  return { Policies: slice(texts), PolicyIdentifiers: short.map((id) => id.map(Number)) }
}

export function policyMappings(der: Der): Members {
  const mappings = [...partsOf(der)].map(({ bytes }) => {
    const mapping = new Der(bytes).inner(TAG.sequence)
    const [issuer, subject] = [mapping.value(TAG.oid), mapping.value(TAG.oid)]
    const text = (id: Buffer) => oidParts(id).join('.')
    return struct({ IssuerDomainPolicy: text(issuer), SubjectDomainPolicy: text(subject) })
  })
  return { PolicyMappings: slice(mappings) }
}

export function mappedPolicies(mappings: Value): string[] {
  if (!isArray(mappings)) return []
  return mappings.flatMap((mapping) => (isObject(mapping) ? [...mapping.values()].map(String) : []))
}

export function policyConstraints(der: Der): Members {
  const sequence = der.inner(TAG.sequence)
  const members: Record<string, Value> = {}
  for (const [at, name] of ['RequireExplicitPolicy', 'InhibitPolicyMapping'].entries()) {
    if (!sequence.isNext(contextTag(at))) continue
    const count = sequence.int64(contextTag(at))
    members[name] = integerOf(count)
    members[`${name}Zero`] = count === 0n
  }
  return members
}

export function inhibitAnyPolicy(der: Der): Members {
  const count = der.int64()
  return { InhibitAnyPolicy: integerOf(count), InhibitAnyPolicyZero: count === 0n }
}
