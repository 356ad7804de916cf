/** Numbers from a seed, so that what fails can be repeated. */
export type Random = (below: number) => number

export function randomOf(seed: number): Random {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const PATHS = [
  '/a',
  '/a/',
  '/a/b',
  '/a/b/c',
  '/ä',
  '/𝒳/',
  '',
  'a.b',
  '__proto__',
  '/b/"q"',
  '0',
  '/1',
  '/2',
]
const HOSTS = ['a.example', '.example', 'b.a.example', 'é', 'example', 'e\u0301.example']
const GLOBS = ['/a/*', '/a/**', '/{a,b}/c', '*', '/b/*/c', '/a', '/ä/*', '/a/b/[c-e]', '/b/"?"']
const WORDS = ['GET', 'POST', 'x', 'y', '', 'true', '/1', 'constructor']

export const pick = <T>(random: Random, from: readonly T[]): T => from[random(from.length)] as T
const quoted = (text: string): string => JSON.stringify(text)

/** Bodies by what they test; each call gives another one of the same form. */
export const BODIES: Readonly<Record<string, (random: Random) => string>> = {
  equalities: (random) =>
    `input.path == ${path(random)}\n\tinput.method == ${word(random)} # why\n\t${word(random)} == input.principal`,
  prefixes: (random) => `startswith(input.path, ${path(random)}); input.method = ${word(random)}`,
  suffixes: (random) => `endswith(input.host, ${host(random)}); input.level >= ${random(5)}`,
  asciiSuffixes: (random) =>
    `endswith(input.host, ${quoted(pick(random, HOSTS.slice(0, 3)))}); input.path == ${path(random)}`,
  globs: (random) =>
    `glob.match(${quoted(pick(random, GLOBS))}, ["/"], input.path); input.tenant == ${word(random)}`,
  roles: (random) => `${word(random)} in input.roles; startswith(input.path, ${path(random)})`,
  rolesOneByOne: (random) =>
    `some r in input.roles\n\tr == ${word(random)}\n\tinput.tenant == ${word(random)}`,
  rolesAny: (random) => `input.roles[_] == ${word(random)}; input.path == ${path(random)}`,
  lists: (random) =>
    `input.method in [${word(random)}, ${word(random)}]; input.tenant in {${word(random)}, "x"}`,
  parts: (random) =>
    `input.parts = [${word(random)}, one, ${word(random)}]; one != ${word(random)}`,
  wholeParts: (random) => `input.parts == [${word(random)}, ${word(random)}]`,
  aliases: (random) => `http.method == ${word(random)}; http.headers["x-t"] == ${word(random)}`,
  negations: (random) =>
    `input.tenant == ${word(random)}; not input.principal == ${word(random)}; input.level < ${random(5)}`,
  comprehensions: (random) =>
    `count([r | some r in input.roles; r != ${word(random)}]) > 1; input.tenant == ${word(random)}`,
  variables: (random) =>
    `t = input.tenant; t == ${word(random)}; data.levels[t] == ${random(3)}; m := ${word(random)}; input.method == m`,
  unified: (random) => `t = ${word(random)}; input.tenant == t; input.path == ${path(random)}`,
  shadowed: (random) =>
    `some http in input.list; http.method == ${word(random)}; input.tenant == ${word(random)}`,
  calls: (random) => `lower(input.method) == ${word(random)}; input.path == ${path(random)}`,
  everyRole: (random) =>
    `every r in input.roles { r != ${word(random)} }; input.path == ${path(random)}`,
  rules: (random) => `tenant == ${word(random)}; own(input.path, ${path(random)})`,
  raw: (random) => `input.path == \`${pick(random, PATHS)}\`; input.method == ${word(random)}`,
  patterns: (random) =>
    `{${word(random)}: one} := input.pair; one != ${word(random)}; input.path == ${path(random)}`,
  pairs: (random) => `some i, ${word(random)} in input.roles; input.path == ${path(random)}; i < 2`,
}

function path(random: Random): string {
  return quoted(pick(random, PATHS))
}

function word(random: Random): string {
  return quoted(pick(random, WORDS))
}

function host(random: Random): string {
  return quoted(pick(random, HOSTS))
}

/** A request that may lack anything, or have something else in its place. */
export function requestOf(random: Random): unknown {
  const some = (values: readonly unknown[]): unknown => {
    const kind = random(14)
    if (kind === 0) return undefined
    return kind === 1 ? pick(random, [null, 1, true, ['x'], { x: 'x' }, 0]) : pick(random, values)
  }
  const list = (): unknown => some([[], ...[1, 2, 3].map((n) => words(random, n))])
  const request = {
    path: some([...PATHS, '/a/b/c/d', '/b/x/c', 1]),
    method: some(WORDS),
    principal: some(WORDS),
    host: some([...HOSTS, 'x.a.example', 'a\u0301.example']),
    level: some([0, 1, 2, 3, 4, 2.5]),
    tenant: some(WORDS),
    roles: random(6) === 0 ? { a: word(random), b: 'x' } : list(),
    parts: list(),
    list: [{ method: some(WORDS) }, { method: some(WORDS) }],
    http: { method: some(WORDS), headers: { 'x-t': some(WORDS) } },
    pair: { x: some(WORDS), [pick(random, WORDS)]: some(WORDS) },
  }
  return random(40) === 0 ? pick(random, [null, 1, 'x', []]) : request
}

function words(random: Random, count: number): string[] {
  return Array.from({ length: count }, () => pick(random, WORDS))
}
