import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { ROLES, subjects, wildcards } from '@verdict/contract'
import { expect, test } from 'vitest'

/** Holds the tree to the layout and the form that README.md describes. */

const ROOT = resolve(import.meta.dirname, '..')
/** The formatter's width; a text that it can't break may pass it, now and then and by little. */
const COLUMNS = 100
const COLUMNS_MAX = 120
const WIDE_LINES_SHARE_MAX = 0.005
const LINES_MAX = 500

const TOP_LEVEL = [
  'README.md',
  'biome.json',
  'deploy',
  'docs',
  'package-lock.json',
  'package.json',
  'packages',
  'policies',
  'services',
  'test',
  'tsconfig.json',
]

/** What each unit may import of ours; what is not listed is forbidden. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  'packages/contract': [],
  'packages/toolchain': ['contract'],
  'packages/bus': ['contract'],
  'packages/policy': ['contract'],
  'packages/service': ['contract'],
  'packages/journal': ['contract'],
  'packages/tlog': ['contract'],
  'packages/export': ['contract'],
  'packages/subscriber': ['bus', 'contract', 'tlog'],
  'packages/cli': [
    'bus',
    'contract',
    'export',
    'policy',
    'service',
    'subscriber',
    'tlog',
    'toolchain',
  ],
  'services/authn': ['bus', 'contract', 'service'],
  'services/authz': ['bus', 'contract', 'journal', 'policy', 'service'],
  'services/audit': ['bus', 'contract', 'export', 'service', 'tlog'],
  'services/telemetry': ['bus', 'contract', 'service'],
}

/** Third-party packages that only these places may import. */
const RESERVED: Record<string, readonly string[]> = {
  nats: ['packages/bus', 'test'],
  '@nats-io/jetstream': ['packages/bus', 'test'],
  '@nats-io/kv': ['packages/bus', 'test'],
  '@nats-io/obj': ['packages/bus', 'test'],
  '@open-policy-agent/opa-wasm': ['packages/policy/bench'],
  '@bufbuild/protobuf': ['services/authz/src/envoy', 'services/authz/proto'],
  jose: ['packages/policy/src/bundle', 'services/authn', 'packages/cli/src/dev', 'test'],
  testcontainers: ['test'],
  'hyparquet-writer': ['packages/export'],
}

const NAMES_THAT_SAY_NOTHING = /(^|\/)(utils?|common|helpers?|misc|shared|types)(\/|\.ts$)/
const ERASED = /^\s*(export\s+)?(declare\s+)?(const\s+)?(enum|namespace)\s+\w+\s*\{/m
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]/g

interface Source {
  readonly path: string
  readonly text: string
  readonly imports: readonly string[]
}

const sources: readonly Source[] = globSync(
  ['packages/**/*.ts', 'services/**/*.ts', 'test/**/*.ts'],
  { cwd: ROOT, exclude: (path) => /node_modules|\/gen(\/|$)/.test(path) },
).map((path) => {
  const text = readFileSync(join(ROOT, path), 'utf8')
  return { path, text, imports: [...text.matchAll(IMPORT)].map((m) => m[1] ?? m[2] ?? '') }
})

/** `packages/bus/src/ask.ts` → `packages/bus`; anything under test/ → `test`. */
function unitOf(path: string): string {
  return path.startsWith('test/') ? 'test' : path.split('/').slice(0, 2).join('/')
}

function offences(check: (source: Source) => readonly string[]): string[] {
  return sources.flatMap((source) => check(source).map((what) => `${source.path}: ${what}`))
}

test('the sources were found', () => {
  expect(sources.length).toBeGreaterThan(80)
})

test('the top level holds what its user fixed, and nothing else', () => {
  const found = globSync('*', { cwd: ROOT }).filter((name) => name !== 'node_modules')
  expect(found.toSorted()).toEqual(TOP_LEVEL)
})

test('a unit imports only what the layout allows', () => {
  expect(
    offences(({ path, imports }) => {
      const unit = unitOf(path)
      if (unit === 'test') return []
      const isTest = path.endsWith('.test.ts') || /\/(bench|test)\//.test(path)
      const allowed = new Set([...(MAY_IMPORT[unit] ?? []), unit.split('/')[1]])
      if (isTest) allowed.add('kit').add('contract')
      return imports
        .filter((name) => name.startsWith('@verdict/'))
        .filter((name) => !allowed.has(name.slice('@verdict/'.length)))
        .map((name) => `must not import ${name}`)
    }),
  ).toEqual([])
})

test('a relative import stays inside its unit', () => {
  expect(
    offences(({ path, imports }) =>
      imports
        .filter((name) => name.startsWith('.'))
        .filter(
          (name) => unitOf(relative(ROOT, resolve(ROOT, dirname(path), name))) !== unitOf(path),
        )
        .map((name) => `reaches outside by ${name}`),
    ),
  ).toEqual([])
})

test('services run in their own processes: nothing but their tests starts one by import', () => {
  expect(
    offences(({ path, imports }) =>
      imports
        .filter((name) => /^@verdict\/(authn|authz|audit|telemetry|cli)$/.test(name))
        .filter(() => !path.startsWith('test/'))
        .map((name) => `imports ${name}`),
    ),
  ).toEqual([])
})

test('a package with one owner is imported by its owner alone', () => {
  expect(
    offences(({ path, imports }) =>
      imports
        .map((name) => ({
          name,
          root: name
            .split('/')
            .slice(0, name.startsWith('@') ? 2 : 1)
            .join('/'),
        }))
        .filter(({ root }) => RESERVED[root] !== undefined)
        .filter(({ root }) => !RESERVED[root]?.some((place) => path.startsWith(place)))
        .filter(({ name }) => !path.endsWith('.test.ts') || name.startsWith('@verdict/'))
        .map(({ name }) => `must not import ${name}`),
    ),
  ).toEqual([])
})

test('only a package index re-exports', () => {
  expect(
    offences(({ path, text }) =>
      path.endsWith('/index.ts') || !/^export \* from/m.test(text) ? [] : ['re-exports'],
    ),
  ).toEqual([])
})

test('the contract does no I/O and awaits nothing', () => {
  expect(
    offences(({ path, text, imports }) =>
      path.startsWith('packages/contract/src/') && !path.endsWith('.test.ts')
        ? [
            ...(/\bawait\b|\basync\b/.test(text) ? ['awaits'] : []),
            ...imports.filter((n) => /^node:(?!crypto$)/.test(n)).map((n) => `imports ${n}`),
          ]
        : [],
    ),
  ).toEqual([])
})

test('the environment is read in configuration and main modules alone', () => {
  expect(
    offences(({ path, text }) =>
      /process\.env/.test(text) &&
      !/(config|main|run)\.ts$|\.test\.ts$|^packages\/(toolchain|cli)\//.test(path) &&
      !/(^|\/)(test|bench)\//.test(path)
        ? ['reads process.env']
        : [],
    ),
  ).toEqual([])
})

test('lines keep to the width of the formatter, but for a few', () => {
  const lines = sources.flatMap(({ text }) => text.split('\n'))
  const wide = lines.filter((line) => line.length > COLUMNS)
  expect(wide.length / lines.length).toBeLessThan(WIDE_LINES_SHARE_MAX)
})

test('lines, files and names keep to the form', () => {
  expect(
    offences(({ path, text }) => {
      const lines = text.split('\n')
      const long = lines.findIndex((line) => line.length > COLUMNS_MAX)
      return [
        ...(long < 0 ? [] : [`line ${long + 1} is longer than ${COLUMNS_MAX} columns`]),
        ...(lines.length > LINES_MAX ? [`is longer than ${LINES_MAX} lines`] : []),
        ...(NAMES_THAT_SAY_NOTHING.test(path) ? ['has a name that says nothing'] : []),
        ...(/[A-Z_]/.test(path.split('/').at(-1) ?? '') ? ['is not in kebab case'] : []),
        ...(ERASED.test(text) && !path.endsWith('.d.ts')
          ? ['uses syntax that Node cannot strip']
          : []),
        ...(/^export default/m.test(text) && !/vitest\.config\.ts$|reporter|closing-line/.test(path)
          ? ['has a default export']
          : []),
        ...(/\b(TODO|FIXME|XXX|HACK)\b/.test(text) && !path.endsWith('layout.test.ts')
          ? ['holds an unfinished word']
          : []),
      ]
    }),
  ).toEqual([])
})

/** Every `name: 'code'` of a `const …ErrorCode = { … } as const`. */
function errorCodes(): string[] {
  return sources
    .filter(({ path }) => !path.endsWith('.test.ts'))
    .flatMap(({ text }) => [...text.matchAll(/const \w*ErrorCode = \{([\s\S]*?)\} as const/g)])
    .flatMap((table) => [...(table[1] ?? '').matchAll(/^\s*\w+: '([a-z0-9_]+)'/gm)])
    .map((entry) => entry[1] ?? '')
    .toSorted()
}

test('docs/errors.md lists every error code, and no other', () => {
  const documented = [
    ...readFileSync(join(ROOT, 'docs/errors.md'), 'utf8').matchAll(/^\| `(\w+)` \|/gm),
  ]
    .map((row) => row[1] ?? '')
    .toSorted()
  expect([...new Set(documented)]).toEqual([...new Set(errorCodes())])
})

test('docs/subjects.md lists every subject and every role, and no other', () => {
  const page = readFileSync(join(ROOT, 'docs/subjects.md'), 'utf8')
  const documented = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map((row) => row[1] ?? '')
  const real = [subjects.identify, subjects.check, ...Object.values(wildcards), ...ROLES]
  expect(documented.toSorted()).toEqual(real.toSorted())
})
