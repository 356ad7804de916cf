import { expect, test } from 'vitest'
import { isOpen } from './open-paths.ts'

const ANY = '/log/tile/*'

test.each([
  '/log/checkpoint',
  '/log/checkpoint.unwitnessed',
  '/log/checkpoint?x=1',
  '/log/2026-11/checkpoint',
  '/log/tile/0/000',
  '/log/tile/0/x001/234.p/17',
  '/log/2026-11/tile/1/000',
])('hashes and checkpoints are for everybody: %s', (url) => {
  expect(isOpen('GET', ANY, url)).toBe(true)
})

test.each([
  '/log/tile/entries/000',
  '/log/2026-11/tile/entries/000.p/3',
  '/log/tile/%65ntries/000',
  '/log/tile/entries%2f000',
  '/log/tile/entries/tile/0/000',
  '/log/x/tile/entries/../0/000',
  '/log/tile/entries/000?/log/tile/0/000',
  '/log//tile/0/000',
  '/log/a/b/c/d/e/checkpoint',
  '/log/tile/0/000/',
])('entries are not, however the path is written: %s', (url) => {
  expect(isOpen('GET', ANY, url)).toBe(false)
})

test('what is not said to be open is not', () => {
  for (const open of ['/healthz', '/readyz', '/metrics', '/v1/openapi.json']) {
    expect(isOpen('GET', open, open)).toBe(true)
    expect(isOpen('POST', open, open)).toBe(false)
  }
  expect(isOpen('GET', '/v1/decisions', '/v1/decisions')).toBe(false)
  expect(isOpen('GET', '/v1/decisions', '/v1/decisions?x=/log/checkpoint')).toBe(false)
  expect(isOpen('GET', '/v2/anything', '/v2/anything')).toBe(false)
  expect(isOpen('DELETE', ANY, '/log/checkpoint')).toBe(false)
})

test('what does not exist is not asked about', () => {
  expect(isOpen('GET', undefined, '/nowhere')).toBe(true)
})
