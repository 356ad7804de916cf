/** Sets of rules as people write them, in any number: what their number costs is tested and measured. */
export interface RuleShape {
  readonly name: string
  /** The rules `x` of a package. */
  rules(count: number): string
  /** Inputs for so many rules: one rule holds, and none does. */
  hit(count: number): object
  readonly miss: object
}

const MISS = {
  path: '/elsewhere/of/all',
  host: 'nobody.example',
  segments: ['elsewhere', 'of', 'all'],
  method: 'GET',
  action: 'read',
  kind: 'unknown',
  tenant: 'nobody',
  principal: 'nobody',
  roles: ['nothing'],
}

/** The rules of `count` numbers, one behind the other. */
function each(count: number, rule: (n: number) => string): string {
  return Array.from({ length: count }, (_, n) => rule(n)).join('\n')
}

/** A number for which there is a rule. */
function one(count: number): number {
  return Math.floor(count / 2)
}

function shape(
  name: string,
  rule: (n: number) => string,
  hit: (n: number) => Partial<typeof MISS>,
): RuleShape {
  return {
    name,
    rules: (count) => `default x := false\n\n${each(count, rule)}\n`,
    hit: (count) => ({ ...MISS, ...hit(one(count)) }),
    miss: MISS,
  }
}

const equalities = shape(
  'equalities',
  (n) => `x if { input.method == "GET"; input.kind == "kind-${n}"; input.tenant == "t${n}" }`,
  (n) => ({ kind: `kind-${n}`, tenant: `t${n}` }),
)
const prefixes = shape(
  'prefixes',
  (n) => `x if { input.method == "GET"; startswith(input.path, "/service-${n}/") }`,
  (n) => ({ path: `/service-${n}/items` }),
)
const suffixes = shape(
  'suffixes',
  (n) => `x if { input.action == "read"; endswith(input.host, ".team-${n}.example") }`,
  (n) => ({ host: `api.team-${n}.example` }),
)
const globs = shape(
  'globs',
  (n) => `x if { input.method == "GET"; glob.match("/area-${n}/*/items", ["/"], input.path) }`,
  (n) => ({ path: `/area-${n}/any/items` }),
)
const roles = shape(
  'roles',
  (n) => `x if { "role-${n}" in input.roles; input.action == "read" }`,
  (n) => ({ roles: ['other', `role-${n}`] }),
)
const tenants = shape(
  'tenants',
  (n) =>
    `x if { input.tenant == "t${n}"; input.segments[0] == "tenants"; input.segments[1] == "t${n}" }`,
  (n) => ({ tenant: `t${n}`, segments: ['tenants', `t${n}`] }),
)
const principals = shape(
  'principals',
  (n) => `x if { input.principal == "user-${n}"; input.method in {"GET", "HEAD"} }`,
  (n) => ({ principal: `user-${n}` }),
)
const segments = shape(
  'segments of the path',
  (n) => `x if { input.segments[0] == "api"; input.segments[1] == "s${n}"; input.method == "GET" }`,
  (n) => ({ segments: ['api', `s${n}`] }),
)
/** A partial set: every rule that holds gives a reason. */
const reasons: RuleShape = {
  ...shape(
    'reasons',
    () => '',
    (n) => ({ kind: `kind-${n}` }),
  ),
  rules: (count) =>
    `x contains reason if some reason in why\n\n${each(
      count,
      (n) => `why contains "reason ${n}" if { input.method == "GET"; input.kind == "kind-${n}" }`,
    )}\n`,
}
const MIXED = [equalities, prefixes, roles, principals]
/** Four shapes by turns. */
const mixed: RuleShape = {
  name: 'mixed',
  rules: (count) => {
    const parts = MIXED.map(({ rules }) => rules(Math.ceil(count / MIXED.length)))
    return `default x := false\n${parts.join('\n').replaceAll('default x := false\n', '')}`
  },
  hit: (count) => principals.hit(Math.ceil(count / MIXED.length)),
  miss: MISS,
}

export const RULE_SHAPES: readonly RuleShape[] = [
  equalities,
  prefixes,
  suffixes,
  globs,
  roles,
  tenants,
  principals,
  segments,
  reasons,
  mixed,
]
