import { expect, test, vi } from 'vitest'
import { policyOf } from '../../test/policy-under-test.ts'
import { callsOf, differencesOf } from './calls-under-test.ts'

vi.setConfig({ testTimeout: 120_000 })

test.for([
  'aws',
  'encoding',
  'glob',
  'graphql',
  'hash',
  'json',
  'json-schema',
  'net',
  'numbers',
  'object',
  'regex',
  'semver',
  'strings',
  'time',
  'units',
  'uri',
  'uuid',
  'x509',
  'yaml',
])('OPA and this engine agree on %s', async (family) => {
  expect(await differencesOf(callsOf(family))).toEqual([])
})

test('OPA and this engine agree on every verb of sprintf for every kind of value', async () => {
  const verbs = [...'vdsqxXoObcUeEfFgGtTz%']
  const flags = ['', '-5', '05', '+', '#', ' ', '.0', '+08.2']
  const values = ['0', '-42', '3.5', '1e20', '"hé\\n"', '[1, "a", {2}]']
  const large = ['-9223372036854775809', '1e400']
  const calls = flags.flatMap((flag) =>
    verbs.flatMap((verb) =>
      [...values, ...large].map((value) => `sprintf("%${flag}${verb}|", [${value}])`),
    ),
  )
  expect(await differencesOf(calls)).toEqual([])
})

test('OPA and this engine render the same templates', async () => {
  const data = `{
    "a": "x", "n": 5, "z": 0, "f": 1.50, "t": true, "u": false, "nul": null, "l": ["p", "q", 3],
    "m": {"k": "v", "j": {"i": 1}}, "e": [], "em": {}, "es": "", "h": "<a href=\\"x\\">'&",
    "ll": [[1, 2], [3]], "lm": [{"n": "A"}, {"n": "B"}]
  }`.replaceAll('\n', ' ')
  const calls = callsOf('templates').map((text) => `strings.render_template(${text}, ${data})`)
  expect(await differencesOf(calls)).toEqual([])
})

test('what is random is the same for the same name within one evaluation', async () => {
  const policy = await policyOf(
    `
x := {
  "same": rand.intn("a", 1000000000000) == rand.intn("a", -1000000000000),
  "other": rand.intn("a", 1000000000000) == rand.intn("b", 1000000000000),
  "small": rand.intn("c", 3) < 3,
  "sameId": uuid.rfc4122("a") == uuid.rfc4122("a"),
  "otherId": uuid.rfc4122("a") == uuid.rfc4122("b"),
  "version": uuid.parse(uuid.rfc4122("a")).version,
}
id := uuid.rfc4122("a")
`,
    ['p/x', 'p/id'],
  )
  expect(policy.evaluate('p/x', {})).toEqual({
    same: true,
    other: false,
    small: true,
    sameId: true,
    otherId: false,
    version: 4,
  })
  expect(policy.evaluate('p/id', {})).not.toBe(policy.evaluate('p/id', {}))
})

test('a policy reads its runtime and leaves notes', async () => {
  const policy = await policyOf('x := opa.runtime().id if trace("a note")\n')
  const lines: string[] = []
  const options = { runtime: new Map([['id', 'here']]), print: (line: string) => lines.push(line) }
  expect(policy.evaluate('p/x', {}, options)).toBe('here')
  expect(lines).toEqual(['a note'])
})

/** What each of them would make, or take, without an end is in its name. */
const HOSTILE: Readonly<Record<string, string>> = {
  'a text of a terabyte': 'sprintf("%*d", [1000000, 1])',
  'all addresses of IPv6': 'net.cidr_expand("::/0")',
  'all addresses of IPv4': 'net.cidr_expand("0.0.0.0/0")',
  'a replacement that doubles': 'regex.replace(input.long, "", input.long)',
  'a template that loops':
    'strings.render_template("{{range 100000}}{{range 100000}}{{end}}{{end}}", {})',
  'a document in itself, thirty times': `json.patch({"a": 1}, [
    {"op": "copy", "from": "", "path": sprintf("/%d", [n])} | some n in numbers.range(1, 30)
  ])`,
  'an amount of a million digits, again and again':
    '[units.parse("1e999999") | some _ in numbers.range(1, 100)]',
  'paths through a graph of all edges': `graph.reachable_paths(
    {n: numbers.range(1, 12) | some n in numbers.range(1, 12)}, [1]
  )`,
  'aliases of aliases': `yaml.unmarshal(concat("", array.concat(
    ["a0: &a0 [1,1,1,1,1,1,1,1,1,1]\\n"],
    [sprintf("a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\\n", [n, n, n-1, n-1, n-1, n-1, n-1, n-1, n-1, n-1]) |
      some n in numbers.range(1, 12)],
  )))`,
}

test.for(Object.entries(HOSTILE))('%s ends one evaluation', async ([name, expression]) => {
  const text =
    name === 'a text of a terabyte'
      ? `[${expression} | some _ in numbers.range(1, 100)]`
      : expression
  const policy = await policyOf(`x := count(${text})\n\ny := 1\n`, ['p/x', 'p/y'])
  const started = performance.now()
  expect(() => policy.evaluate('p/x', { long: 'ab'.repeat(5_000) })).toThrow(/steps|memory/)
  expect(performance.now() - started).toBeLessThan(5_000)
  expect(policy.evaluate('p/y', {})).toBe(1)
})
