import { ServiceError, ServiceErrorCode } from './errors.ts'
import type { ConfigOf, Settings } from './settings.ts'

/**
 * An error of the system about an address, as one sentence that names the setting to change; any
 * other error as it is.
 */
export function explainListenError<S extends Settings>(
  thrown: unknown,
  settings: S,
  config: ConfigOf<S>,
): unknown {
  if (!isListenError(thrown)) return thrown
  const values: Readonly<Record<string, unknown>> = config
  const byValue = (kind: string, value: unknown): string | undefined =>
    Object.entries(settings).find(
      ([name, setting]) => setting.kind === kind && values[name] === value,
    )?.[1].env
  const port = byValue('port', thrown.port) ?? 'the setting of this port'
  const host = byValue('address', thrown.address) ?? 'the setting of this address'
  const message = sentenceOf(thrown, port, host)
  if (message === undefined) return thrown
  return new ServiceError(ServiceErrorCode.cannotListen, message, { cause: thrown })
}

interface ListenError extends Error {
  readonly code: string
  readonly address: string
  readonly port: number
}

function isListenError(thrown: unknown): thrown is ListenError {
  if (!(thrown instanceof Error) || !('syscall' in thrown) || !('code' in thrown)) return false
  // A process of several learns of it from its supervisor, as an error of `bind`.
  const isListen = thrown.syscall === 'listen' || thrown.syscall === 'bind'
  return isListen && 'port' in thrown && 'address' in thrown
}

function sentenceOf(
  { code, address, port }: ListenError,
  portSetting: string,
  hostSetting: string,
): string | undefined {
  const where = `port ${port} of \`${address}\``
  switch (code) {
    case 'EADDRINUSE':
      return `${where} is in use: set ${portSetting} to a free port, or stop what listens there`
    case 'EACCES':
      return `${where} may not be used by this user: set ${portSetting} to a port from 1024 on`
    case 'EADDRNOTAVAIL':
      return `\`${address}\` is no address of this machine: set ${hostSetting} to one that is`
    default:
      return undefined
  }
}
