import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatBytes, formatDuration, parseBytes, parseDuration } from './quantity.ts'
import { type Setting, setting } from './settings.ts'

const env = 'VERDICT_X'
const help = 'Meaning.'

interface Vector {
  readonly kind: Setting<unknown>
  readonly accepted: Readonly<Record<string, unknown>>
  readonly refused: readonly string[]
}

const vectors: readonly Vector[] = [
  {
    kind: setting.port({ env, help }),
    accepted: { '1': 1, '65535': 65_535 },
    refused: ['0', '65536', '-1', '1.5', ' 80', '0x50', '1e3', 'http'],
  },
  {
    kind: setting.portOrOff({ env, help }),
    accepted: { '80': 80, off: 'off' },
    refused: ['0', '65536', 'Off', 'none', ''],
  },
  {
    kind: setting.integer({ env, help, min: -5, max: 10 }),
    accepted: { '-5': -5, '0': 0, '10': 10 },
    refused: ['-6', '11', '1.0', '', '9007199254740993'],
  },
  {
    kind: setting.flag({ env, help }),
    accepted: { true: true, false: false },
    refused: ['1', 'yes', 'TRUE'],
  },
  {
    kind: setting.durationMs({ env, help, min: 100, max: 3_600_000 }),
    accepted: { '100ms': 100, '10s': 10_000, '5m': 300_000, '1h': 3_600_000 },
    refused: ['99ms', '2h', '10', '1.5s', '-1s', '1 s', '1S'],
  },
  {
    kind: setting.bytes({ env, help, min: 1 }),
    accepted: { '512': 512, '64KiB': 65_536, '4GiB': 4_294_967_296 },
    refused: ['0', '1KB', '1kib', '1.5MiB', '999999999999GiB'],
  },
  {
    kind: setting.url({ env, help }),
    accepted: {
      'https://a.example/b?c': 'https://a.example/b?c',
      'http://[::1]:80': 'http://[::1]:80',
    },
    refused: [
      'a.example',
      'ftp://a',
      'https://u:p@a',
      'https://u@a',
      'http://',
      'http://a,http://b',
    ],
  },
  {
    kind: setting.oneOf({ env, help, values: ['a', 'b'] }),
    accepted: { a: 'a', b: 'b' },
    refused: ['A', 'ab', 'toString'],
  },
  {
    kind: setting.address({ env, help }),
    accepted: { '0.0.0.0': '0.0.0.0', '::': '::', localhost: 'localhost' },
    refused: ['example.com', '1.2.3', '127.0.0.1:80', '[::1]'],
  },
  {
    kind: setting.path({ env, help }),
    accepted: { '/x/../y': '/y', z: `${process.cwd()}/z` },
    refused: ['a\0b'],
  },
]

test.for(vectors)('a setting takes its form and no other: $kind.form', (vector) => {
  const { kind, accepted, refused } = vector
  for (const [text, value] of Object.entries(accepted)) expect(kind.parse(text)).toBe(value)
  for (const text of refused) expect(kind.parse(text), text).toBeUndefined()
})

test('the accepted form tells the range', () => {
  expect(setting.integer({ env, help, min: 1, max: 9 }).form).toBe('a whole number from 1 to 9')
  expect(setting.integer({ env, help, min: 1 }).form).toBe('a whole number of at least 1')
  expect(setting.bytes({ env, help, max: 2048 }).form).toMatch(/ of at most 2KiB$/)
  expect(setting.integer({ env, help }).form).toBe('a whole number')
})

test('a duration and a size are read back as they were written', () => {
  fc.assert(
    fc.property(fc.nat(1e12), (value) => {
      expect(parseDuration(formatDuration(value))).toBe(value)
      expect(parseBytes(formatBytes(value))).toBe(value)
    }),
  )
})

test('a default is shown as one would write it', () => {
  expect(setting.durationMs({ env, help, default: 300_000 }).defaultText).toBe('5m')
  expect(setting.durationMs({ env, help, default: 1500 }).defaultText).toBe('1500ms')
  expect(setting.durationMs({ env, help, default: 0 }).defaultText).toBe('0ms')
  expect(setting.bytes({ env, help, default: 1_048_576 }).defaultText).toBe('1MiB')
  expect(setting.path({ env, help, default: '.verdict' })).toMatchObject({
    defaultText: '.verdict',
    default: `${process.cwd()}/.verdict`,
  })
})
