import type { EventEmitter } from 'node:events'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/**
 * One Ctrl-C arrives several times: from the terminal, from npm and from the program that started
 * us. What follows within this time is the same one.
 */
const SAME_SIGNAL_MS = 700

export interface StopSignals {
  readonly stop: AbortSignal
  readonly force: AbortSignal
  /** Asks to stop as the first signal does. */
  request(): void
  /** Signals act as they do without us again. */
  release(): void
}

/** The first signal asks to stop, a later one to stop at once. */
export function listenForStop(
  process: EventEmitter,
  now: () => number = () => performance.now(),
): StopSignals {
  const [stop, force] = [new AbortController(), new AbortController()]
  let first: number | undefined
  const request = (): void => {
    first ??= now()
    stop.abort()
  }
  const onSignal = (): void => {
    if (first !== undefined && now() - first > SAME_SIGNAL_MS) force.abort()
    request()
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  return {
    stop: stop.signal,
    force: force.signal,
    request,
    release: () => {
      for (const signal of SIGNALS) process.off(signal, onSignal)
    },
  }
}
