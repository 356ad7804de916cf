const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

export interface StopRequests {
  /** Lets go of the IPC channel, which keeps the process alive. Signals are still taken. */
  release(): void
}

/**
 * Calls back whenever somebody wants this process to stop: a signal, or the end of the process that
 * started it with an IPC channel.
 */
export function onStopRequest(handler: (why: string) => void): StopRequests {
  const onSignal = (signal: NodeJS.Signals): void => handler(signal)
  const onDisconnect = (): void => handler('the parent process is gone')
  for (const signal of SIGNALS) process.on(signal, onSignal)
  process.on('disconnect', onDisconnect)
  // The parent may have gone before anybody listened; without a channel this is `undefined`.
  if (process.connected === false) onDisconnect()
  return {
    release() {
      process.off('disconnect', onDisconnect)
    },
  }
}

/**
 * Calls back whenever the supervisor of this worker, or an operator, ends it. What a terminal sends
 * to all processes at once is the supervisor's to hear; without one Node.js ends a worker at once.
 */
export function onStopOrder(handler: (why: string) => void): StopRequests {
  process.on('SIGTERM', handler)
  for (const signal of SIGNALS) if (signal !== 'SIGTERM') process.on(signal, () => undefined)
  return { release: () => undefined }
}
