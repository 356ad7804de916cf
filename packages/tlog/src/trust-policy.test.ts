import fc from 'fast-check'
import { expect, test } from 'vitest'
import formats from '../test/vectors/formats.json' with { type: 'json' }
import { KeyAlgorithm } from './key-material.ts'
import { createSigner, formatVerifierKey } from './note-key.ts'
import { isQuorum, parseTrustPolicy, type Quorum } from './trust-policy.ts'

const SEED = 32
const vkey = (index: number): string => {
  const seed = new Uint8Array(32)
  new DataView(seed.buffer).setUint32(0, index)
  const signer = createSigner(`w${index}.example`, KeyAlgorithm.ed25519Cosignature, seed)
  return formatVerifierKey(signer.verifier)
}
const logKey = formatVerifierKey(
  createSigner('log.example', KeyAlgorithm.ed25519, new Uint8Array(32).fill(99)).verifier,
)
const witnesses = (count: number): string =>
  Array.from({ length: count }, (_, i) => `witness W${i} ${vkey(i)}\n`).join('')

function reached(policy: string, ...signed: readonly number[]): boolean {
  return isQuorum(parseTrustPolicy(policy).quorum, new Set(signed.map((i) => `W${i}`)))
}

test('the policy of the specification has its two levels of groups', () => {
  const policy = `log ${logKey}

${witnesses(6)}
group X-witnesses 2 W0 W1 W2
\tgroup Y-witnesses any W3 W4 W5

# both
group X-and-Y all X-witnesses Y-witnesses
quorum   X-and-Y
`
  const { logs, witnesses: known } = parseTrustPolicy(policy)
  expect(logs.map(({ verifier }) => verifier.name)).toEqual(['log.example'])
  expect(known.map(({ name }) => name)).toEqual(['W0', 'W1', 'W2', 'W3', 'W4', 'W5'])
  expect(reached(policy, 0, 1, 3)).toBe(true)
  expect(reached(policy, 0, 2, 4, 5)).toBe(true)
  expect(reached(policy, 0, 1, 2)).toBe(false)
  expect(reached(policy, 0, 3, 4, 5)).toBe(false)
  expect(reached(policy)).toBe(false)
})

test('a quorum may be one witness, or none at all', () => {
  expect(reached(`${witnesses(2)}quorum W1`, 1)).toBe(true)
  expect(reached(`${witnesses(2)}quorum W1`, 0)).toBe(false)
  expect(reached('quorum none\n')).toBe(true)
})

test('the published policies are read, however their items are set apart', () => {
  const [first, second] = [
    'sigsum.org+e4ade967+AZuUY6B08pW3QVHu8uvsrxWPcAv9nykap2Nb4oxCee+r https://sigsum.org/witness/',
    'example.com+3753d3de+AebBhMcghIUoavZpjuDofa4sW6fYHyVn7gvwDBfvkvuM https://example.com/witness/',
  ]
  for (const policy of [
    `\nwitness w1 ${first}\nwitness w2 ${second}\ngroup g1 all w1 w2\nquorum g1\n`,
    `\n\n# comment\nwitness   w1      ${first}\n  witness w2    ${second}    \n\n` +
      '\n\t\t\t #comment\ngroup      g1    all     w1  w2\n\t\t quorum      g1\n',
  ]) {
    expect(parseTrustPolicy(policy).quorum).toEqual({
      threshold: 2,
      members: [{ witness: 'w1' }, { witness: 'w2' }],
    })
  }
})

test('URLs are kept, and plain keys of witnesses are those of their cosignatures', () => {
  const [first, second] = formats.witnesses
  const policy = parseTrustPolicy(
    `witness a ${first?.vkey} https://a.example/\nwitness b ${second?.vkey}\nquorum none\n`,
  )
  expect(policy.witnesses).toMatchObject([{ name: 'a', url: 'https://a.example/' }, { name: 'b' }])
  expect(policy.witnesses[1]).not.toHaveProperty('url')
  const algorithms = policy.witnesses.map(({ verifier }) => verifier.algorithm)
  expect(algorithms).toEqual([4, 4])
})

test.each([
  ['no quorum', witnesses(1), 'it has no quorum'],
  ['two quorums', 'quorum none\nquorum none', 'line 2: there is a quorum already'],
  ['an unknown quorum', 'quorum unknown', 'nothing above is called `unknown`'],
  ['a quorum of more than one name', `${witnesses(2)}quorum W0 W1`, 'expected `quorum <name>`'],
  ['a name twice', `${witnesses(1)}witness W0 ${vkey(7)}`, '`W0` is defined already'],
  ['a key twice', `${witnesses(1)}witness W9 ${vkey(0)}`, 'the key is in the policy already'],
  ['a log twice', `log ${logKey}\nlog ${logKey}`, 'the key is in the policy already'],
  ['a witness as a log', `log ${vkey(0)}`, 'the key is one of a witness'],
  ['a witness called all', `witness all ${vkey(0)}`, '`all` cannot be a name'],
  ['a group called none', `${witnesses(1)}group none 1 W0`, '`none` cannot be a name'],
  ['none as a member', `${witnesses(1)}group g any none`, 'nothing above is called `none`'],
  ['a member of two groups', `${witnesses(1)}group g any W0\ngroup h any W0`, 'a member already'],
  ['a member twice', `${witnesses(1)}group g any W0 W0`, '`W0` is a member already'],
  ['a member from below', `group g any W0\n${witnesses(1)}`, 'nothing above is called `W0`'],
  ['a group of nothing', 'group g all', 'expected `group'],
  ['a threshold below one', `${witnesses(1)}group g 0 W0`, '`0` is not `all`'],
  ['a threshold below zero', `${witnesses(1)}group g -1 W0`, '`-1` is not `all`'],
  ['a threshold beyond all', `${witnesses(1)}group g 2 W0`, '`2` is not `all`'],
  ['a threshold with zeros', `${witnesses(1)}group g 01 W0`, '`01` is not `all`'],
  ['a malformed key', 'witness W abc', 'line 1: the key is malformed'],
  ['a comment behind', `witness W0 ${vkey(0)} https://a #comment`, 'expected `witness'],
  ['an unknown word', 'trust me', '`trust` is none of log'],
  ['a control character', 'quorum none\r\n', 'control characters'],
])('a policy with %s is refused', (_what, policy, message) => {
  expect(() => parseTrustPolicy(policy)).toThrow(
    expect.objectContaining({
      code: 'trust_policy_malformed',
      message: expect.stringContaining(message),
    }),
  )
})

test('at least 32 of everything are taken, and a bound refuses what is too much', () => {
  const groups = Array.from({ length: 32 }, (_, i) => `group g${i} any W${i}\n`).join('')
  const names = Array.from({ length: 32 }, (_, i) => `g${i}`).join(' ')
  const policy = `${witnesses(32)}${groups}group all-of-them all ${names}\nquorum all-of-them\n`
  expect(reached(policy, ...Array.from({ length: 32 }, (_, i) => i))).toBe(true)
  expect(() => parseTrustPolicy(`${witnesses(257)}quorum none`)).toThrow('too many')
})

test('one more witness never turns a quorum into none', () => {
  const witness = fc.nat(5).map((i): Quorum => ({ witness: `W${i}` }))
  const { quorum } = fc.letrec<{ quorum: Quorum }>((tie) => ({
    quorum: fc.oneof(
      { maxDepth: 3 },
      witness,
      fc.record({
        threshold: fc.nat(3),
        members: fc.array(tie('quorum'), { maxLength: 4 }),
      }),
    ),
  }))
  fc.assert(
    fc.property(quorum, fc.subarray([0, 1, 2, 3, 4, 5]), fc.nat(5), (some, signed, more) => {
      const names = new Set(signed.map((i) => `W${i}`))
      if (isQuorum(some, names)) expect(isQuorum(some, names.add(`W${more}`))).toBe(true)
    }),
    { seed: SEED, numRuns: 300 },
  )
})
