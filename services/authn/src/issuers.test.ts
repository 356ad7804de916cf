import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryDirectory } from '@verdict/kit'
import { expect, test } from 'vitest'
import { ALGORITHMS, ISSUERS_MAX, parseIssuers, readIssuersFile } from './issuers.ts'

const valid = {
  issuer: 'https://id.example.com',
  audiences: ['shop'],
  jwks: { url: 'https://id.example.com/keys' },
}

function problemsOf(...issuers: readonly unknown[]): readonly string[] {
  const file = parseIssuers({ issuers }, '/etc/verdict')
  return 'problems' in file ? file.problems : []
}

test('an issuer by URL is read, with all asymmetric algorithms', () => {
  expect(parseIssuers({ issuers: [valid] }, '/etc/verdict')).toEqual({
    issuers: [
      {
        issuer: 'https://id.example.com',
        audiences: ['shop'],
        keys: { url: new URL('https://id.example.com/keys') },
        algorithms: ALGORITHMS,
      },
    ],
  })
})

test('the file of keys is taken from the folder of the issuers file', () => {
  const jwks = { file: 'keys/a.json' }
  const algorithms = ['ES256']
  expect(parseIssuers({ issuers: [{ ...valid, jwks, algorithms }] }, '/etc/verdict')).toMatchObject(
    {
      issuers: [{ keys: { file: '/etc/verdict/keys/a.json' }, algorithms: ['ES256'] }],
    },
  )
})

test('an empty list is a file without issuers', () => {
  expect(parseIssuers({ issuers: [] }, '/')).toEqual({ issuers: [] })
})

test.for([null, [], 'x', {}, { issuers: {} }])('what is no issuers file is told: %j', (content) => {
  expect(parseIssuers(content, '/')).toEqual({
    problems: ['expected an object with a list `issuers`'],
  })
})

test('every problem is told with its place', () => {
  const broken = { audiences: [], jwks: { file: 'a', url: 'https://b' }, algorithm: 'ES256' }
  expect(problemsOf(valid, broken, 'x')).toEqual([
    '`issuers[1].algorithm` is unknown, issuer, audiences, jwks, algorithms are known',
    '`issuers[1].issuer` must be the exact `iss` of its tokens',
    '`issuers[1].audiences` must be a list of at least one text',
    '`issuers[1].jwks` must have either a `file` or a `url`',
    '`issuers[2]` is no object',
  ])
})

test.for([['HS256'], ['none'], ['ES256', 'HS512'], [], ['es256'], 'ES256', [1]])(
  'an algorithm that is not asymmetric is a problem: %j',
  (algorithms) => {
    expect(problemsOf({ ...valid, algorithms })).toEqual([
      expect.stringMatching(/^`issuers\[0\]\.algorithms` must be a list of asymmetric algorithms/),
    ])
  },
)

test.for([
  [{ url: 'http://id.example.com/keys' }, false],
  [{ url: 'http://id.example.com/keys', insecure: true }, true],
  [{ url: 'http://id.example.com/keys', insecure: 'yes' }, false],
  [{ url: 'http://127.0.0.1:8080/keys' }, true],
  [{ url: 'http://localhost/keys' }, true],
  [{ url: 'http://localhost.example.com/keys' }, false],
  [{ url: 'file:///etc/keys' }, false],
  [{ url: 'keys' }, false],
] as const)('keys travel over https, or over http where that is said: %j', ([jwks, accepted]) => {
  expect(problemsOf({ ...valid, jwks }).length === 0).toBe(accepted)
})

test('an issuer that is named twice is a problem', () => {
  expect(problemsOf(valid, valid)).toEqual(['`issuers` names `https://id.example.com` twice'])
})

test('more issuers than the limit are a problem', () => {
  const many = Array.from({ length: ISSUERS_MAX + 1 }, (_, i) => ({ ...valid, issuer: `i${i}` }))
  expect(problemsOf(...many)).toEqual([`\`issuers\` has more than ${ISSUERS_MAX} entries`])
})

test('a file that is missing or no JSON is told', async () => {
  await using directory = temporaryDirectory()
  const file = join(directory.path, 'issuers.json')
  expect(await readIssuersFile(file)).toEqual({ problems: [expect.stringContaining('ENOENT')] })
  await writeFile(file, '{')
  expect(await readIssuersFile(file)).toEqual({ problems: [expect.stringContaining('JSON')] })
})
