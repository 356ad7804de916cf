import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { ShiftedClock } from './shifted-clock.ts'

const HOUR_MS = 3_600_000
const SOON_MS = 60_000
const PROGRAM = `
  const steady = performance.now()
  let seen = 0
  setInterval(() => {
    const now = [Date.now(), new Date().getTime(), Date.parse(new Date().toISOString())]
    const offset = Math.min(...now) - (performance.timeOrigin + performance.now())
    if (Math.abs(offset - seen) < ${HOUR_MS}) return
    seen = offset
    const fixed = new Date(0).getUTCFullYear() === 1970 && new Date() instanceof Date
    console.log(JSON.stringify({ offset, fixed, passed: performance.now() - steady }))
  }, 5)`

test('the wall clock of a process is set while it runs, and durations stay', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'verdict-clock-'))
  const clock = new ShiftedClock(path.join(dir, 'clock'))
  const env = { ...process.env, ...clock.env }
  const child = spawn(process.execPath, ['-e', PROGRAM], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const lines = createInterface({ input: child.stdout })
    for (const step of [2 * HOUR_MS, -2 * HOUR_MS]) {
      await clock.set(step)
      const [line] = await once(lines, 'line', { signal: AbortSignal.timeout(SOON_MS) })
      const { offset, fixed, passed } = JSON.parse(String(line))
      expect(Math.abs(offset - step)).toBeLessThan(SOON_MS)
      expect(fixed).toBe(true)
      expect(passed).toBeLessThan(SOON_MS)
    }
  } finally {
    child.kill('SIGKILL')
    rmSync(dir, { recursive: true })
  }
})
