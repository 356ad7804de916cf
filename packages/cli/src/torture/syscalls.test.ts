import { expect, test } from 'vitest'
import { Random } from './random.ts'
import { injectionsOf, readTrace } from './syscalls.ts'
import { compared } from './trial.ts'

const DIR = '/tmp/x/log'
const TRACE = `
8800  openat(AT_FDCWD</work>, "/tmp/x/log/lock", O_RDWR|O_CREAT, 0644) = 21</tmp/x/log/lock>
8807  fsync(24</tmp/x/log> <unfinished ...>
8800  pwrite64(22</tmp/x/log/lock-journal>, "<a> \\"b"..., 512, 0) = 512
8807  <... fsync resumed>)              = 0
8807  fsync(24</tmp/x/log>)             = 0
8800  fsync(21</tmp/x/log/lock>)        = 0
8800  openat(AT_FDCWD</work>, "/tmp/x/logger", O_RDONLY|O_CLOEXEC) = 25</tmp/x/logger>
8807  rename("/tmp/x/log/a.new", "/tmp/x/log/a") = 0
8807  write(1<pipe:[1]>, "said", 4)     = 4
8807  +++ exited with 0 +++
`

test('of a trace the calls about the files of one folder are counted, by thread', () => {
  const { counts, paths } = readTrace(TRACE, DIR)
  expect(Object.fromEntries(counts)).toEqual({ openat: 1, fsync: 2, pwrite64: 1, rename: 1 })
  const names = ['lock', 'lock-journal', 'a', 'a.new'].map((name) => `${DIR}/${name}`)
  expect([...paths].sort()).toEqual([DIR, ...names].sort())
})

test('each call fails in each way', () => {
  const injections = injectionsOf(readTrace(TRACE, DIR))
  expect(injections).toHaveLength(5 * 3)
  expect(injections).toContainEqual({ call: 'fsync', nth: 2, fault: 'signal=KILL' })
  const [one, other] = ['a', 'b'].map((seed) => new Random(seed).shuffled(injections))
  expect(one).not.toEqual(other)
  expect(one).toEqual(new Random('a').shuffled(injections))
  expect(new Set(one)).toEqual(new Set(injections))
})

test('what was kept is held against what was tried and promised', () => {
  const tried = ['a', 'b', 'c']
  const found = compared('here', { tried, acknowledged: ['a', 'b'], kept: ['b', 'b', 'c', 'd'] })
  expect(found).toEqual({
    acknowledged: ['a', 'b'],
    lost: ['here: lost: a'],
    forged: ['here: forged: d'],
    duplicated: ['here: twice: b'],
  })
})
