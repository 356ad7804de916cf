import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { HttpAttributes } from '../request.ts'
import { ambiguitiesSetting } from './ambiguities-setting.ts'
import {
  AMBIGUITY_KINDS,
  type AmbiguityKind,
  AmbiguityRules,
  codeOf,
  DEFAULT_CHOICES,
  MEANINGS,
  parseChoices,
} from './ambiguity.ts'
import { canonicalAuthority } from './authority.ts'
import { canonicalise } from './canonicalise.ts'

const FLAG_ALL = new AmbiguityRules({ refuse: 0, flag: -1 })

function kindsOf(http: HttpAttributes): readonly AmbiguityKind[] {
  const base = { method: 'GET', path: '/', host: 'shop.example' }
  return FLAG_ALL.judge(canonicalise({ ...base, ...http }).ambiguities, undefined).flagged
}

test.each<[string, readonly AmbiguityKind[]]>([
  ['/', []],
  ['/orders/1?expand=items', []],
  ['/orders/', []],
  ['/.well-known/x', []],
  ['/a/...', []],
  ['/a.b/c..d/e.', []],
  ['/a%20b', []],
  ['/%C3%BC/%EF%BF%BD', []],
  ['/ü', []],
  ['/a,b/c@d:e', []],
  ['/?', []],
  ['/a?u=https%3A%2F%2Fb%2F%2e%2e%2F&v=%0D%0A&w=%252e&x=//&y=\\', []],
  ['/a%00b', ['nul']],
  ['/a\0b', ['nul']],
  ['/a?x=%00', ['nul']],
  ['/%ff', ['invalid_utf8']],
  ['/%c0%af', ['invalid_utf8']],
  ['/%e0%80%af', ['invalid_utf8']],
  ['/%ed%a0%80', ['invalid_utf8']],
  ['/\ufffd', ['invalid_utf8']],
  ['/\ud800', ['invalid_utf8']],
  ['/a?x=%ff', ['invalid_utf8']],
  ['/a/%2e%2e/b', ['encoded_dot_segment']],
  ['/a/.%2E/b', ['encoded_dot_segment']],
  ['/a/%2e', ['encoded_dot_segment']],
  ['/a/..%2fb', ['encoded_dot_segment', 'encoded_slash']],
  ['/a/..;x/b', ['encoded_dot_segment', 'path_parameter']],
  ['/a/../%2e%2e', ['encoded_dot_segment', 'dot_segment']],
  ['/a\\b', ['backslash']],
  ['/a%5Cb', ['backslash']],
  ['/a/..\\b', ['encoded_dot_segment', 'backslash']],
  ['/a/../b', ['dot_segment']],
  ['/a/./b', ['dot_segment']],
  ['/a/..', ['dot_segment']],
  ['//a', ['empty_segment']],
  ['/a//b', ['empty_segment']],
  ['/a//', ['empty_segment']],
  ['/a%2fb', ['encoded_slash']],
  ['/a;b=c/d', ['path_parameter']],
  ['/a%3bb', ['path_parameter']],
  ['/%252e%252e/a', ['double_encoding']],
  ['/a%252fb', ['double_encoding']],
  ['/%25%32%65', ['double_encoding']],
  ['/a%0d%0ab', ['control_character']],
  ['/a\tb', ['control_character']],
  ['/%C2%85', ['control_character']],
  ['/a?x=\n', ['control_character']],
  ['/a／b', ['lookalike']],
  ['/%EF%BC%8F', ['lookalike']],
  ['/．．/a', ['lookalike']],
  ['/a#b', ['fragment']],
  ['/a?x=1#frag', ['fragment']],
  ['', ['empty_path']],
  ['?a=1', ['empty_path']],
  ['*', ['asterisk_target']],
  ['http://shop.example/a', ['absolute_target']],
  ['http://shop.example', ['absolute_target']],
  ['http://other/a//b', ['empty_segment', 'absolute_target', 'authority_mismatch']],
  ['shop.example:443', ['rootless_path']],
  ['a/b', ['rootless_path']],
])('the target %j has its ambiguities', (path, kinds) => {
  expect(kindsOf({ path })).toEqual(kinds)
})

test.each<[string, HttpAttributes, readonly AmbiguityKind[]]>([
  ['no authority', { host: '' }, []],
  ['a port', { host: 'shop.example:8080' }, []],
  ['a long port', { host: 'shop.example:50051' }, []],
  ['an IPv6 address', { host: '[2001:db8::1]:8080' }, []],
  ['userinfo', { host: 'shop.example@other' }, ['authority_userinfo']],
  ['capitals', { host: 'Shop.example' }, ['authority_form']],
  ['a dot at the end', { host: 'shop.example.' }, ['authority_form']],
  ['its own port', { host: 'shop.example:80', scheme: 'http' }, ['authority_form']],
  ['a port of another scheme', { host: 'shop.example:80', scheme: 'https' }, []],
  ['an empty port', { host: 'shop.example:' }, ['authority_form']],
  ['a port that is none', { host: 'shop.example:99999' }, ['authority_invalid']],
  ['a space', { host: 'shop example' }, ['authority_invalid']],
  ['a path', { host: 'shop.example/a' }, ['authority_invalid']],
  ['a NUL', { host: 'shop\0' }, ['nul', 'authority_invalid']],
  ['two hosts', { host: 'a,b' }, ['authority_invalid']],
  ['the same :authority', { headers: { ':authority': 'shop.example' } }, []],
  ['another :authority', { headers: { ':authority': 'other' } }, ['authority_mismatch']],
  ['another Host', { headers: { host: 'shop.example:8080' } }, ['authority_mismatch']],
  ['the same Host in other letters', { headers: { host: 'SHOP.example.' } }, []],
  ['two Hosts', { headers: { host: 'a,b' } }, ['authority_mismatch', 'repeated_header']],
  ['two tokens', { headers: { authorization: 'Bearer a,Bearer b' } }, ['repeated_header']],
  ['a quoted comma', { headers: { authorization: 'Digest a="b, c \\" d", e="f", g = h' } }, []],
  ['two lengths', { headers: { 'content-length': '5,6' } }, ['repeated_header']],
  ['two forwarded hosts', { headers: { 'x-forwarded-host': 'a, b' } }, ['repeated_header']],
  ['many forwarders', { headers: { 'x-forwarded-for': '10.0.0.1, 10.0.0.2' } }, []],
  [
    'raw headers that repeat',
    {
      headerMap: {
        headers: [
          { key: 'Authorization', value: 'Bearer a' },
          { key: 'authorization', rawValue: Buffer.from('Bearer b').toString('base64') },
        ],
      },
    },
    ['repeated_header'],
  ],
  ['a method in small letters', { method: 'get' }, ['method_form']],
  ['two methods', { method: 'GET,POST' }, ['method_form']],
  ['a method of few', { method: 'M-SEARCH' }, []],
])('a request with %s has its ambiguities', (_name, http, kinds) => {
  expect(kindsOf(http)).toEqual(kinds)
})

test('a connection that is no HTTP is not ambiguous', () => {
  expect(canonicalise(undefined).ambiguities).toBe(0)
})

test('by default what no honest client sends is refused, and the rest is flagged', () => {
  const rules = new AmbiguityRules(DEFAULT_CHOICES)
  const refused = AMBIGUITY_KINDS.filter((_, at) => rules.judge(1 << at, undefined).refused)
  expect(refused).toEqual(['nul', 'invalid_utf8', 'encoded_dot_segment', 'backslash'])
  const others = AMBIGUITY_KINDS.filter((_, at) => rules.judge(1 << at, undefined).flagged.length)
  expect(others).toHaveLength(AMBIGUITY_KINDS.length - refused.length)
})

test('the setting changes what it names, and a route changes that again', () => {
  const choices = ambiguitiesSetting({ env: 'VERDICT_X', help: 'Meaning.' }).parse(
    'backslash=flag, empty_segment=refuse,fragment=allow',
  )
  const rules = new AmbiguityRules(choices ?? expect.fail('it is well-formed'))
  const { ambiguities } = canonicalise({ path: '/a\\b//c#d' })
  const route = { 'verdict.ambiguities': 'all=allow,fragment=flag' }
  expect(rules.judge(ambiguities, {})).toMatchObject({ refused: 'empty_segment' })
  expect(rules.judge(ambiguities, {}).flagged).toEqual(['backslash'])
  for (const _again of [1, 2]) {
    expect(rules.judge(ambiguities, route)).toEqual({ refused: undefined, flagged: ['fragment'] })
  }
})

test.each([
  '',
  'nul',
  'nul=',
  'nul=deny',
  'nul=refuse=flag',
  'null=refuse',
  'toString=allow',
  'nul=refuse,',
  'nul=refuse,nul=allow',
  'nul=refuse,all=allow',
])('the choices %j are refused, at the start and on a route', (text) => {
  const malformed = ambiguitiesSetting({ env: 'VERDICT_X', help: 'Meaning.' })
  expect(malformed.parse(text)).toBeUndefined()
  const rules = new AmbiguityRules(DEFAULT_CHOICES)
  expect(() => rules.judge(0, { 'verdict.ambiguities': text })).toThrow(
    expect.objectContaining({ code: 'route_invalid' }),
  )
})

test('the text of the default is read as the default', () => {
  const { defaultText } = ambiguitiesSetting({ env: 'VERDICT_X', help: 'Meaning.' })
  expect(parseChoices(defaultText, { refuse: 0, flag: 0 })).toEqual(DEFAULT_CHOICES)
})

test('docs/ambiguities.md lists every kind with its default, code and meaning', () => {
  const page = join(import.meta.dirname, '../../../../docs/ambiguities.md')
  const rows = [...readFileSync(page, 'utf8').matchAll(/^\| `(.*)$/gm)].map(([row]) => {
    const [kind, choice, code, meaning] = row
      .slice(2)
      .split('|')
      .map((cell) => cell.trim())
    return [kind, choice, code, meaning]
  })
  const rules = new AmbiguityRules(DEFAULT_CHOICES)
  const expected = AMBIGUITY_KINDS.map((kind, at) => {
    const choice = rules.judge(1 << at, undefined).refused === undefined ? 'flag' : 'refuse'
    return [`\`${kind}\``, choice, `\`${codeOf(kind)}\``, MEANINGS[kind]]
  })
  expect(rows).toEqual(expected)
})

test('an authority in its canonical form stays as it is', () => {
  const parts = fc.constantFrom('a', 'B', '.', ':', '80', '443', '@', '[::1]', '-', ',', 'ü', ' ')
  const host = fc.oneof(
    fc.array(parts).map((some) => some.join('')),
    fc.string(),
  )
  fc.assert(
    fc.property(host, fc.constantFrom('http', 'https', undefined), (text, scheme) => {
      const canonical = canonicalAuthority(text, scheme)
      expect(canonicalAuthority(canonical, scheme)).toBe(canonical)
    }),
  )
})

test('any request is read, or refused as unreadable', () => {
  const text = fc.string({ unit: 'binary', maxLength: 40 })
  const headers = fc.record({ ':authority': text, host: text, authorization: text })
  const http = fc.record({ method: text, path: text, host: text, scheme: text, headers })
  fc.assert(
    fc.property(http, (asked) => {
      try {
        expect(canonicalise(asked).ambiguities).toBeGreaterThanOrEqual(0)
      } catch (thrown) {
        expect(thrown).toMatchObject({ name: 'AuthzError', code: 'request_unreadable' })
      }
    }),
    { numRuns: 2_000 },
  )
})

test('a long target costs one pass, plain or not', () => {
  for (const unit of ['/a', 'a', '/', '/..', '%2e/', ';', '"']) {
    const path = `/${unit.repeat(100_000)}\u0001`
    const headers = { authorization: `"${',\\"'.repeat(100_000)}` }
    // More than one pass would take longer than a test may.
    expect(kindsOf({ path, headers })).toContain('control_character')
  }
})
