import { readFileSync } from 'node:fs'
import process from 'node:process'

/**
 * Loaded before a service that is tortured: its wall clock is off by the milliseconds in a file,
 * which is read again and again. What measures durations is left alone, as by a real step.
 */

const POLL_INTERVAL_MS = 50
const RealDate = Date
const file = process.env['TORTURE_CLOCK_FILE']
let offsetMs = 0

function read(): void {
  if (file === undefined) return
  try {
    offsetMs = Number(readFileSync(file, 'utf8')) || 0
  } catch {
    // It is being written: the next look sees it.
  }
}

const now = (): number => RealDate.now() + offsetMs

read()
setInterval(read, POLL_INTERVAL_MS).unref()
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as Date,
  apply: () => new RealDate(now()).toString(),
  get: (target, key, receiver) => (key === 'now' ? now : Reflect.get(target, key, receiver)),
})
