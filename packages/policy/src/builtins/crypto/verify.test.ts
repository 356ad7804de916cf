import { expect, test, vi } from 'vitest'
import { differencesOf } from '../calls-under-test.ts'
import {
  alternatives,
  authority,
  bits,
  certificate,
  dns,
  email,
  extension,
  INTER,
  ip,
  KEYS,
  LEAF,
  type Made,
  nameOf,
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

const { rsa, ed25519 } = KEYS

/** Of a whole answer, what tells whether it is verified, and by which chain. */
const verified = (certificates: readonly Buffer[], options: string = '{}') => [
  `crypto.x509.parse_and_verify_certificates_with_options(${JSON.stringify(pem(...certificates))}, ${options})`,
  ...(options === '{}'
    ? [`crypto.x509.parse_and_verify_certificates(${JSON.stringify(pem(...certificates))})`]
    : []),
]
const chainOf = (root: Made, inter: Made, leaf: Made, options?: string) =>
  verified(
    [
      certificate({ ...ROOT, ...root }),
      certificate({ ...INTER, ...inter }),
      certificate({ ...LEAF, ...leaf }),
    ],
    options,
  )

test('OPA and this engine verify the same chains', async () => {
  const now = '"CurrentTime": 1800000000000000000'
  const server = '1.3.6.1.5.5.7.3.1'
  const client = '1.3.6.1.5.5.7.3.2'
  const root = certificate(ROOT)
  const inter = certificate(INTER)
  const leaf = certificate(LEAF)
  const certSign = extension('2.5.29.15', bits(Buffer.from([4])))
  const noSign = extension('2.5.29.15', bits(Buffer.from([0x80])))
  const named = (...names: readonly Buffer[]): Made => ({ extensions: [alternatives(...names)] })
  const limited = (...args: Parameters<typeof subtrees>): Made => ({
    extensions: [authority(), subtrees(...args)],
  })
  const hosts = [
    'a.example.com',
    'A.EXAMPLE.com.',
    'b.example.com',
    'x.w.example.com',
    'w.example.com',
  ]
  const others = [
    '1.2.3.4',
    '[1.2.3.4]',
    '::ffff:1.2.3.4',
    '*.w.example.com',
    '',
    '.',
    '\\"a.example.com\\"',
  ]
  const permitted = [
    [dns('example.com')],
    [dns('.example.com')],
    [dns('')],
    [email('e.com')],
    [email('a@e.com')],
    [email('.e.com')],
    [uri('e.com')],
    [uri('.e.com')],
    [ip(10, 0, 0, 0, 255, 0, 0, 0)],
  ]
  const names = [
    dns('example.com'),
    dns('a.example.com'),
    dns('badexample.com'),
    dns('*.example.com'),
    dns('*.com'),
    email('a@e.com'),
    email('A@E.com'),
    email('a@x.e.com'),
    email('"q"@e.com'),
    email('x'),
    uri('http://e.com/'),
    uri('http://a.e.com:80/'),
    uri('http://1.2.3.4/'),
    uri('urn:x'),
    ip(10, 1, 2, 3),
    ip(11, 1, 2, 3),
  ]
  const calls = [
    ...verified([root]),
    ...verified([root, leaf]),
    ...verified([root, inter]),
    ...verified([root, inter, leaf]),
    ...verified([root, inter, inter, leaf]),
    ...verified([inter, leaf]),
    ...verified([leaf, inter, root]),
    ...verified([root, root]),
    ...verified([leaf, leaf]),
    ...verified([root, leaf, inter, leaf]),
    ...verified([]),
    'crypto.x509.parse_and_verify_certificates("x")',
    'crypto.x509.parse_and_verify_certificates(1)',
    'crypto.x509.parse_and_verify_certificates_with_options("x", {"no": 1})',
    ...[
      '{"no": 1}',
      '{1: 2}',
      '1',
      '{"DNSName": 1}',
      '{"CurrentTime": "x"}',
      '{"CurrentTime": 1.5}',
      '{"KeyUsages": 1}',
      '{"KeyUsages": ["x"]}',
      '{"KeyUsages": {"KeyUsageAny"}}',
      '{"KeyUsages": [1]}',
      '{"MaxConstraintComparisons": 1}',
      '{"MaxConstraintComparisons": "1"}',
      '{"CurrentTime": 0}',
      '{"CurrentTime": 2840140800000000000}',
      '{"CurrentTime": 2840140800000000001}',
      '{"CurrentTime": 1577836800000000000}',
      '{"CurrentTime": 1577836799999999999}',
    ].flatMap((options) => verified([root, inter, leaf], options)),
    ...chainOf({ until: '20210101000000Z' }, {}, {}),
    ...chainOf({}, { until: '20210101000000Z' }, {}),
    ...chainOf({}, {}, { until: '20210101000000Z' }),
    ...chainOf({}, {}, { from: '20590101000000Z' }),
    ...chainOf({ extensions: [authority(0)] }, {}, {}),
    ...chainOf({ extensions: [authority(1)] }, {}, {}),
    ...chainOf({}, { extensions: [authority(0)] }, {}),
    ...chainOf({ extensions: [] }, {}, {}),
    ...chainOf({ extensions: [], version: 1 }, {}, {}),
    ...chainOf({}, { extensions: [] }, {}),
    ...chainOf({}, { extensions: [], version: 1 }, {}),
    ...chainOf({}, { extensions: [authority(), certSign] }, {}),
    ...chainOf({}, { extensions: [authority(), noSign] }, {}),
    ...chainOf({}, {}, { extensions: [extension('1.2.3', Buffer.from('x'), true)] }),
    ...chainOf({}, { extensions: [authority(), extension('1.2.3', Buffer.from('x'), true)] }, {}),
    ...chainOf({}, {}, { algorithm: 'ecdsa1' }),
    ...chainOf({}, {}, { algorithm: 'ecdsa256' }),
    ...chainOf({}, {}, { algorithm: 'unknown' }),
    ...chainOf({}, {}, { signer: KEYS.p256.privateKey }),
    ...chainOf({}, {}, { issuer: nameOf('other') }),
    ...(['rsa256', 'rsa512', 'rsa1'] as const).flatMap((algorithm) =>
      chainOf({}, { key: rsa.publicKey }, { signer: rsa.privateKey, algorithm }),
    ),
    ...chainOf(
      {},
      { key: ed25519.publicKey },
      { signer: ed25519.privateKey, algorithm: 'ed25519' },
    ),
    ...[[server], [client], ['1.2.3'], ['2.5.29.37.0'], [client, server]].flatMap((ids) => [
      ...chainOf({}, {}, { extensions: [usages(...ids)] }),
      ...chainOf(
        {},
        { extensions: [authority(), usages(...ids)] },
        { extensions: [usages(server, client)] },
      ),
      ...[
        '[]',
        '["KeyUsageAny"]',
        '["KeyUsageClientAuth"]',
        '["KeyUsageClientAuth", "KeyUsageServerAuth"]',
      ].flatMap((wanted) =>
        chainOf({}, {}, { extensions: [usages(...ids)] }, `{"KeyUsages": ${wanted}, ${now}}`),
      ),
    ]),
    ...[...hosts, ...others].flatMap((host) => [
      ...chainOf(
        {},
        {},
        named(dns('a.example.com'), dns('*.w.example.com'), ip(1, 2, 3, 4)),
        `{"DNSName": "${host}"}`,
      ),
      ...chainOf({}, {}, named(dns('*'), dns('under_score.x')), `{"DNSName": "${host}"}`),
    ]),
    ...permitted.flatMap((list) =>
      names.flatMap((name) => [
        ...chainOf({}, limited(list), named(name), `{${now}}`),
        ...chainOf({}, limited([], list), named(name), `{${now}}`),
      ]),
    ),
    ...chainOf(limited([dns('a.com')]), limited([dns('b.com')]), named(dns('b.com'))),
    ...chainOf(
      {},
      { extensions: [authority(), extension('2.5.29.36', sequence(tlv(0x80, Buffer.from([0]))))] },
      {},
    ),
    ...chainOf(
      {},
      {
        extensions: [
          authority(),
          extension('2.5.29.33', sequence(sequence(oid('2.5.29.32.0'), oid('1.2')))),
        ],
      },
      {},
    ),
    ...chainOf(
      {},
      {
        extensions: [
          authority(),
          extension('2.5.29.33', sequence(sequence(oid('1.3'), oid('1.2')))),
        ],
      },
      {},
    ),
  ]
  expect(await differencesOf(calls)).toEqual([])
})
