import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** Rego and data by file name. */
export type PolicyFiles = Readonly<Record<string, string>>

export interface Scenario {
  readonly name: string
  readonly files: PolicyFiles
}

const SHIPPED = resolve(import.meta.dirname, '../../policies')
const USERS = 1_000
const ROLES = 50
const RULES = 10_000

export function shipped(): Scenario {
  const names = readdirSync(SHIPPED).filter((name) => !name.endsWith('_test.rego'))
  const files = names.map((name) => [name, readFileSync(join(SHIPPED, name), 'utf8')])
  return { name: 'shipped', files: Object.fromEntries(files) }
}

/** Users with roles, roles with paths; `times` as many of both for what the data costs. */
export function usersAndRoles(times = 1): Scenario {
  const roles = Array.from({ length: ROLES * times }, (_, n) => [
    `role-${n}`,
    { methods: ['GET', 'HEAD'], paths: ['orders', `area-${n}`] },
  ])
  const users = Array.from({ length: USERS * times }, (_, n) => [
    n === 0 ? 'alice' : `user-${n}`,
    { roles: [0, 7, 31].map((step) => `role-${(n + step) % roles.length}`) },
  ])
  const data = { users: Object.fromEntries(users), roles: Object.fromEntries(roles) }
  const rego = `package envoy.authz

default allow := false

allow if {
  some name in data.users[input.identity.subject].roles
  role := data.roles[name]
  input.attributes.request.http.method in role.methods
  input.parsed_path[0] in role.paths
}
`
  return {
    name: `${count(users.length)} users, ${count(roles.length)} roles`,
    files: { 'authz.rego': rego, 'data.json': JSON.stringify(data) },
  }
}

/** Rules that differ in three strings each; the last one is alice's. */
export function manyRules(times = RULES): Scenario {
  const rules = Array.from({ length: times }, (_, n) => {
    const [user, area] = n === times - 1 ? ['alice', 'orders'] : [`user-${n}`, `area-${n}`]
    return `allow if {
  input.parsed_path[0] == "${area}"
  input.attributes.request.http.method == "GET"
  input.identity.subject == "${user}"
}
`
  })
  const rego = `package envoy.authz\n\ndefault allow := false\n\n${rules.join('\n')}`
  return { name: `${count(times)} rules`, files: { 'authz.rego': rego } }
}

function count(n: number): string {
  return n.toLocaleString('en')
}
