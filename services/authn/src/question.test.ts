import { expect, test } from 'vitest'
import { decodeQuestion } from './question.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

test('a question is read, and what is not part of it is left out', () => {
  const question = { authorization: 'Bearer x', sourcePrincipal: 'spiffe://a/b', admin: 'true' }
  expect(decodeQuestion(bytes(JSON.stringify(question)))).toEqual({
    authorization: 'Bearer x',
    sourcePrincipal: 'spiffe://a/b',
  })
  expect(decodeQuestion(bytes('{}'))).toEqual({})
})

test.for(['', '{', 'null', '[]', '"x"', '{"authorization":5}', '{"sourcePrincipal":null}'])(
  'what is no question is refused: %j',
  (text) => {
    expect(() => decodeQuestion(bytes(text))).toThrow(/^the question is no IdentifyRequest/)
  },
)

test('bytes that are no UTF-8 are refused, not repaired', () => {
  expect(() => decodeQuestion(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(/no IdentifyRequest/)
})
