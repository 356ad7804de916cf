import { expect, test, vi } from 'vitest'
import { answersOfBoth } from '../../../test/policy-under-test.ts'
import type { Value } from '../../value/value.ts'
import { differencesOf } from '../calls-under-test.ts'
import {
  alternatives,
  authority,
  bits,
  boolean,
  certificate,
  dns,
  email,
  extension,
  integer,
  ip,
  KEYS,
  type Made,
  nameOf,
  octets,
  oid,
  pem,
  ROOT,
  sequence,
  subtrees,
  tlv,
  uri,
  usages,
} from './certificates-under-test.ts'

vi.setConfig({ testTimeout: 120_000 })

const { p384, rsa, ed25519, x25519 } = KEYS

/** What one evaluation may cost is enough for this many. */
const DAMAGED_AT_ONCE = 200

const parsed = (made: Made) =>
  `crypto.x509.parse_certificates(${JSON.stringify(pem(certificate(made)))})`
const withExtension = (id: string, value: Buffer, isCritical?: boolean) =>
  parsed({ extensions: [extension(id, value, isCritical)] })

test('OPA and this engine read the same certificates', async () => {
  const times = [
    '200101000000Z',
    '500101000000Z',
    '491231235959Z',
    '2001010000Z',
    '20200101000000Z',
  ]
  const wrong = ['200231000000Z', '20200101000000', '20200101240000Z', '20201301000000Z', 'x', '']
  const calls = [
    ...[1, 2, 3, 4].map((version) => parsed({ version })),
    ...[tlv(2), tlv(2, Buffer.from([0xff])), tlv(2, Buffer.from([0, 1])), integer(0)].map(
      (serial) => parsed({ serial }),
    ),
    ...[...times, ...wrong].flatMap((time) => [parsed({ from: time }), parsed({ until: time })]),
    ...[0x0c, 0x12, 0x13, 0x14, 0x16, 0x1e, 0x1c, 0x04].flatMap((tag) =>
      ['abc', '12', 'é', 'a*', 'a@', 'ab', ''].map((name) =>
        parsed({ subject: nameOf(name, tag) }),
      ),
    ),
    parsed({ subject: sequence() }),
    parsed({ subject: sequence(tlv(0x31)) }),
    ...[p384, rsa, ed25519, x25519].map(({ publicKey }) => parsed({ key: publicKey })),
    parsed({ signer: rsa.privateKey, algorithm: 'rsa256' }),
    parsed({ signer: ed25519.privateKey, algorithm: 'ed25519' }),
    parsed({ algorithm: 'unknown' }),
    ...[1, 7].map((padding) => parsed({ padding })),
    ...[[], [0x80], [0x01], [0xff, 0x80]].map((usage) =>
      withExtension('2.5.29.15', bits(Buffer.from(usage), 0)),
    ),
    withExtension('2.5.29.15', bits(Buffer.from([0xa8]), 3)),
    withExtension('2.5.29.15', bits(Buffer.from([0xaf]), 3)),
    withExtension('2.5.29.15', bits(Buffer.from([0xa0]), 8)),
    withExtension('2.5.29.19', sequence()),
    withExtension('2.5.29.19', sequence(boolean(false), integer(3))),
    withExtension('2.5.29.19', sequence(integer(0))),
    withExtension('2.5.29.19', sequence(tlv(1, Buffer.from([1])))),
    withExtension('2.5.29.19', integer(1)),
    ...[
      dns('a.example.com'),
      dns('é'),
      dns(''),
      email('a@b'),
      ip(1, 2, 3, 4),
      ip(1, 2, 3),
      ip(...Array.from({ length: 16 }, (_, at) => at)),
      ip(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4),
      tlv(0x88, Buffer.from([1])),
      ...[
        'spiffe://example.org/ns/a',
        'http://h:80/p?q#f',
        'urn:uuid:1',
        'http://u:p@h/a%20b',
        'HTTP://H/',
        '/path',
        'x',
        '',
        ':',
        'http://h./',
        'http://a..b/',
        'http://[::1]/',
        'http:/p',
        'http://h?',
        'http://h/a%2fb',
        '%zz',
        'a:b:c',
      ].map(uri),
    ].flatMap((name) => [
      withExtension('2.5.29.17', sequence(name), true),
      withExtension('2.5.29.17', sequence(dns('x'), name)),
    ]),
    ...[[], ['1.3.6.1.5.5.7.3.1', '1.2.3'], ['2.5.29.37.0'], ['1.3.6.1.4.1.311.61.1.1']].map(
      (ids) => parsed({ extensions: [usages(...ids)] }),
    ),
    withExtension('2.5.29.14', octets(Buffer.from([1, 2]))),
    withExtension('2.5.29.14', octets()),
    withExtension('2.5.29.14', octets(), true),
    withExtension('2.5.29.35', sequence(tlv(0x80, Buffer.from([1, 2])))),
    withExtension('2.5.29.35', sequence()),
    withExtension('2.5.29.35', sequence(), true),
    withExtension('2.5.29.36', sequence(tlv(0x80, Buffer.from([0])), tlv(0x81, Buffer.from([2])))),
    withExtension('2.5.29.36', sequence()),
    withExtension('2.5.29.54', integer(0)),
    withExtension('2.5.29.54', integer(5)),
    withExtension('2.5.29.32', sequence(sequence(oid('1.2.3')), sequence(oid('2.5.29.32.0')))),
    withExtension('2.5.29.32', sequence(sequence(oid('1.2.3')), sequence(oid('1.2.3')))),
    withExtension('2.5.29.32', sequence(sequence(oid('2.999.4294967296')))),
    withExtension('2.5.29.32', sequence()),
    withExtension('2.5.29.33', sequence(sequence(oid('1.2.3'), oid('1.2.4')))),
    withExtension('2.5.29.31', sequence(sequence(tlv(0xa0, tlv(0xa0, uri('http://a'), uri('b')))))),
    withExtension('2.5.29.31', sequence(sequence(), sequence(tlv(0xa0, tlv(0xa0, dns('a')))))),
    withExtension('1.3.6.1.5.5.7.1.1', sequence(sequence(oid('1.3.6.1.5.5.7.48.1'), uri('o')))),
    withExtension('1.3.6.1.5.5.7.1.1', sequence(sequence(oid('1.3.6.1.5.5.7.48.2'), uri('i')))),
    withExtension('1.3.6.1.5.5.7.1.1', sequence(sequence(oid('1.2.3'), uri('i'))), true),
    withExtension('1.2.3.4', Buffer.from('x'), true),
    withExtension('1.2.3.4', Buffer.from('x')),
    withExtension('2.5.29.99', Buffer.from('x'), true),
    parsed({ extensions: [authority(), authority()] }),
    ...[
      subtrees([dns('a.b'), email('.c'), email('x@y'), uri('.d'), ip(10, 0, 0, 0, 255, 0, 0, 0)]),
      subtrees([], [dns(''), tlv(0xa4, nameOf('x'))]),
      subtrees([ip(1, 2, 3, 4)]),
      subtrees([ip(1, 2, 3, 4, 255, 0, 255, 0)]),
      subtrees([dns('a.')]),
      subtrees([dns('.a')]),
      subtrees([dns('a b')]),
      subtrees([uri('1.2.3.4')]),
      subtrees([email('x@')]),
      subtrees([email('@y')]),
      subtrees([]),
    ].map((constraints) => parsed({ extensions: [constraints] })),
  ]
  expect(await differencesOf(calls)).toEqual([])
})

test('OPA and this engine read and refuse the same damaged certificates', async () => {
  const made = certificate({
    ...ROOT,
    extensions: [
      authority(3),
      alternatives(dns('a.example.com'), uri('spiffe://e/x')),
      usages('1.2.3'),
    ],
  })
  // The last bytes are the signature, which may be anything.
  const damaged: Value[] = []
  for (let at = 0; at < made.length - 60; at++) {
    for (const flip of [0x01, 0x80]) {
      const bytes = Buffer.from(made)
      bytes.writeUInt8((bytes[at] ?? 0) ^ flip, at)
      damaged.push(bytes.toString('base64'))
    }
  }
  const each = '[a | some c in input; a := [p | p := crypto.x509.parse_certificates(c)]]'
  for (let from = 0; from < damaged.length; from += DAMAGED_AT_ONCE) {
    const some = damaged.slice(from, from + DAMAGED_AT_ONCE)
    const { opa, ours } = await answersOfBoth([each], some)
    const answers = (text: string | undefined): unknown[] => JSON.parse(text ?? '')[0]
    const [wanted, given] = [answers(opa[each]), answers(ours[each])]
    expect(given.length).toBe(some.length)
    for (const [at, answer] of given.entries()) {
      expect({ text: some[at], answer }).toEqual({ text: some[at], answer: wanted[at] })
    }
  }
})
