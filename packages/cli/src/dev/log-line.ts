import { printable, type Terminal } from '../terminal.ts'

/** What a process logged, as far as people in front of a terminal care. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly event?: string
  readonly message: string
}

export type LogFormat = (line: string) => LogLine

/** Events that are no warnings and are shown all the same. */
const SHOWN_EVENTS = new Set(['policy_active'])
const REVISION_CHARS_SHOWN = 12
const MESSAGE_CHARS_MAX = 2_000
const SOURCE_COLUMNS = 11

/** A line of a service of ours: JSON, or a part of what Node.js says when it ends a process. */
export function serviceLine(line: string): LogLine {
  const entry = parseObject(line)
  if (entry === undefined) return { level: 'debug', message: line }
  const { level, event, msg, revision, err, process } = entry as Record<string, unknown> & {
    err?: { message?: unknown }
  }
  const why = err?.message !== msg ? err?.message : undefined
  const which =
    typeof revision === 'string' && `revision ${revision.slice(0, REVISION_CHARS_SHOWN)}`
  const said = [msg, why, which].filter((part) => typeof part === 'string').join(': ')
  // Of several processes each speaks for itself.
  const message = typeof process === 'number' ? `${said} (process ${process})` : said
  return {
    level: levelOf(String(level)),
    ...(typeof event === 'string' && { event }),
    message: message || line,
  }
}

/** `[pid] 2026/01/31 12:00:00.000000 [WRN] message` */
export function natsServerLine(line: string): LogLine {
  const [, level, message] = /^\[\d+\] \S+ \S+ \[(\w+)\] (.*)$/.exec(line) ?? []
  if (level === undefined || message === undefined) return { level: 'info', message: line }
  const names: Record<string, LogLine['level']> = { WRN: 'warn', ERR: 'error', FTL: 'error' }
  return { level: names[level] ?? 'info', message }
}

/** `[2026-01-31 12:00:00.000][pid][warning][main] [file:1] message`, or the access log in JSON. */
export function envoyLine(line: string): LogLine {
  const [, level, message] = /^\[[^\]]+\]\[\d+\]\[(\w+)\]\[\w+\] (.*)$/.exec(line) ?? []
  if (level === undefined || message === undefined) return { level: 'info', message: line }
  return { level: levelOf(level), message }
}

export function isWarning({ level }: LogLine): boolean {
  return level === 'warn' || level === 'error'
}

export function isShown(line: LogLine): boolean {
  return isWarning(line) || (line.event !== undefined && SHOWN_EVENTS.has(line.event))
}

/** One line for the terminal: when, who, what. */
export function renderLogLine(
  source: string,
  { level, message }: LogLine,
  terminal: Terminal,
): string {
  const style = ({ warn: 'yellow', error: 'red', info: 'green', debug: 'dim' } as const)[level]
  const lines = message.slice(0, MESSAGE_CHARS_MAX).split('\n').map(printable)
  const name = terminal.paint(style, source.padEnd(SOURCE_COLUMNS))
  return `${timeOfDay(terminal)} ${name} ${lines.join('\n  ')}`
}

/** The time of day, as every line of `verdict dev` after its start carries it. */
function timeOfDay(terminal: Terminal): string {
  return terminal.paint('dim', new Date().toTimeString().slice(0, 8))
}

function levelOf(name: string): LogLine['level'] {
  if (name === 'error' || name === 'fatal' || name === 'critical') return 'error'
  if (name === 'warn' || name === 'warning') return 'warn'
  return name === 'info' ? 'info' : 'debug'
}

function parseObject(line: string): object | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line)
  } catch {
    // A program's own words that only look like JSON.
    return undefined
  }
}
