import { type JournalLine, newDecisionId } from '@verdict/contract'
import { TestJournal } from '@verdict/kit'
import { expect, test } from 'vitest'
import { type Ran, verdict } from '../../test/captured.ts'
import { ServedDecisions, VKEY } from '../../test/served-decisions.ts'
import { csvCell } from './query-csv.ts'
import { filterOptions, searchParameters } from './query-filter.ts'

function twoDecisions(): [JournalLine, JournalLine] {
  const journal = new TestJournal('authz-1')
  const first = journal.append({ principal: 'alice', path: '/orders/1' })
  return [first, journal.append({ principal: '=cmd()', outcome: 'deny', path: '/a,b' })]
}

async function query(
  audit: ServedDecisions,
  args: readonly string[] = [],
  options: { tty?: boolean; env?: Record<string, string> } = {},
): Promise<Ran> {
  return await verdict(['audit', 'query', '--audit', audit.url, ...args], options)
}

test('in a pipe each decision is a line of JSON, as the log has it, from all pages', async () => {
  const lines = twoDecisions()
  await using audit = await ServedDecisions.start(lines)
  const { code, out } = await query(audit, ['--principal', 'alice', '--unenforced'])
  expect(code).toBe(0)
  const printed = out.trim().split('\n')
  expect(printed).toEqual(
    lines
      .toReversed()
      .map(({ hash, json }, at) => `{"index":${2 - at},"hash":"${hash}","record":${json}}`),
  )
  expect(audit.asked).toEqual([
    '/v1/decisions?principal=alice&enforced=false&limit=100',
    '/v1/decisions?principal=alice&enforced=false&limit=99&after=b2xkZXI',
  ])
})

test('the limit is kept, and on a terminal it is said that there is more', async () => {
  await using audit = await ServedDecisions.start(twoDecisions())
  const { out, err } = await query(audit, ['--limit', '1'], { tty: true, env: { NO_COLOR: '1' } })
  expect(audit.asked).toEqual(['/v1/decisions?limit=1'])
  expect(out).toMatch(/^time +outcome +status +who +to +what +why +id\n.* deny +.*\n$/)
  expect(err).toContain('newest 1')
})

test('on a terminal nothing of a record is obeyed', async () => {
  const journal = new TestJournal('authz-1')
  const evil = journal.append({ principal: '\u001b]0;x\u0007\u202eevil' })
  await using audit = await ServedDecisions.start([evil, journal.append()])
  const { out } = await query(audit, [], { tty: true })
  expect(out).toContain('\\u{1b}]0;x\\u{7}\\u{202e}evil')
})

test('a proof is verified by the key alone, and printed', async () => {
  const lines = twoDecisions()
  await using audit = await ServedDecisions.start(lines)
  const { code, out } = await query(audit, ['--proof', '--key', VKEY])
  expect(code).toBe(0)
  const [newest] = out.trim().split('\n')
  expect(JSON.parse(newest ?? '')).toMatchObject({
    record: { id: lines[1].record.id },
    proof: {
      verified: true,
      log: { origin: 'log.example/audit', leaf: 1, size: 2 },
      receipt: expect.stringContaining('c2sp.org/tlog-proof@v1'),
    },
  })
  expect((await query(audit, ['--proof', '--key', VKEY], { tty: true })).out).toMatch(/ verified\n/)
})

test('a decision that is listed otherwise than it is logged is not proven', async () => {
  const lines = twoDecisions()
  await using audit = await ServedDecisions.start(lines)
  audit.second = lines[1].json.replace('"deny"', '"allow"')
  const { code, out, err } = await query(audit, ['--proof', '--key', VKEY, '--csv'])
  expect(code).toBe(1)
  expect(err).toContain('1 of 2 are not proven')
  const verified = out
    .trim()
    .split('\n')
    .map((line) => line.split(',').at(-1))
  expect(verified).toEqual(['verified', 'false', 'true'])
})

test('what audit has decrypted may differ from the log, and nothing else', async () => {
  const lines = twoDecisions()
  await using audit = await ServedDecisions.start(lines)
  const listed = async (second: string, ...opened: string[]) => {
    Object.assign(audit, { second, opened })
    return (await query(audit, ['--proof', '--key', VKEY])).code
  }
  const { json } = lines[1]
  const decrypted = json.replace('"principal":"=cmd()', '"principal":"alice')
  expect(await listed(decrypted, 'principal')).toBe(0)
  expect(await listed(decrypted, 'identity.subject')).toBe(1)
  expect(await listed(json.replace('"deny"', '"allow"'), 'outcome')).toBe(1)
  expect(await listed(decrypted.replace('"deny"', '"allow"'), 'principal')).toBe(1)
})

test('a key of another log proves nothing', async () => {
  await using audit = await ServedDecisions.start(twoDecisions())
  const other = VKEY.replace('log.example', 'log2.example')
  const { code, err } = await query(audit, ['--proof', '--key', other])
  expect([code === 0, err === '']).toEqual([false, false])
})

test('the token is sent, from the option or the environment, and a refusal is told', async () => {
  await using audit = await ServedDecisions.start(twoDecisions())
  audit.authorization = 'Bearer a.b.c'
  expect((await query(audit, ['--token', 'a.b.c'])).code).toBe(0)
  expect((await query(audit, [], { env: { VERDICT_TOKEN: 'a.b.c' } })).code).toBe(0)
  expect(await query(audit)).toMatchObject({
    code: 3,
    out: '',
    err: expect.stringContaining('say who you are'),
  })
})

test('what is no list of decisions is said, and a cursor that stands still is not followed', async () => {
  await using audit = await ServedDecisions.start(twoDecisions())
  audit.second = '{"id":7}'
  const { code, err } = await query(audit)
  expect([code, err]).toEqual([3, expect.stringContaining('no list of decisions')])
})

test.each([
  [['--from', 'yesterday'], '--from yesterday'],
  [['--from', '1x'], '--from 1x'],
  [['--json', '--csv'], 'exclude each other'],
  [['--all', '--limit', '3'], 'exclude each other'],
  [['--proof'], '--key'],
  [['--key', VKEY], '--proof'],
])('%j is refused', async (args, why) => {
  await using audit = await ServedDecisions.start(twoDecisions())
  const { code, err } = await query(audit, args)
  expect([code, err]).toEqual([2, expect.stringContaining(why)])
  expect(audit.asked).toEqual([])
})

test('times may be told from now, as a day, or whole', () => {
  const now = Date.parse('2026-03-08T12:00:00Z')
  const none = Object.fromEntries(Object.keys(filterOptions).map((name) => [name, undefined]))
  const timeOf = (from: string) => {
    const values = { ...none, unenforced: false, from } as never
    return searchParameters(values, now).get('from')
  }
  expect(timeOf('90m')).toBe('2026-03-08T10:30:00.000Z')
  expect(timeOf('1w')).toBe('2026-03-01T12:00:00.000Z')
  expect(timeOf('2026-03-01')).toBe('2026-03-01T00:00:00.000Z')
  expect(timeOf('2026-03-01T01:00:00+01:00')).toBe('2026-03-01T00:00:00.000Z')
})

test.each([
  ['=1+1', "'=1+1"],
  ['+1', "'+1"],
  ['-1', "'-1"],
  ['@SUM(A1)', "'@SUM(A1)"],
  [' =1', "' =1"],
  ['\t=1', "'\t=1"],
  ['＝1', "'＝1"],
  ['=a,"b"', '"\'=a,""b"""'],
  ['a,b', '"a,b"'],
  ['a\r\nb', '"a\r\nb"'],
  ['say "x"', '"say ""x"""'],
  ['plain', 'plain'],
  [-7, '-7'],
  [undefined, ''],
])('in CSV %j is %s', (value, cell) => {
  expect(csvCell(value)).toBe(cell)
})

test('CSV has a head, and one line for each decision', async () => {
  await using audit = await ServedDecisions.start(twoDecisions())
  const { out } = await query(audit, ['--csv'])
  const [head, newest, oldest, ...rest] = out.trim().split('\n')
  expect(head).toMatch(/^index,time,outcome,enforced,status,principal,/)
  expect(newest).toMatch(/^2,[^,]+,deny,true,\d+,'=cmd\(\),/)
  expect(newest).toContain(',"/a,b",')
  expect(oldest).toMatch(/^1,[^,]+,allow,true,200,alice,/)
  expect(rest).toEqual([])
})

test('the id of a decision is no option', async () => {
  const { code } = await verdict(['audit', 'query', newDecisionId()])
  expect(code).toBe(2)
})
