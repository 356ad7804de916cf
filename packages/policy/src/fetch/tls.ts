import { getCACertificates } from 'node:tls'
import { PolicyError, PolicyErrorCode } from '../errors.ts'
import type { SendOperand } from './operand.ts'

/** How a connection is secured where a request says so, in the terms of `node:tls`. */
export interface TlsParameters {
  readonly ca?: readonly string[]
  readonly cert?: string
  readonly key?: string
  readonly servername?: string
}

/** What would let a policy read files and variables of the process that evaluates it. */
const READERS = ['tls_ca_cert', 'tls_client_cert', 'tls_client_key'].flatMap((name) => [
  `${name}_file`,
  `${name}_env_variable`,
])

/**
 * Absent where the request says nothing of it.
 * @throws {PolicyError} `fetch_unsupported`
 * @throws {FetchFailure} for a parameter of a wrong type
 */
export function tlsOf(operand: SendOperand, host: string | undefined): TlsParameters | undefined {
  for (const name of READERS) {
    if (operand.text(name) !== '') throw unsupported(name, 'put the certificate into the data')
  }
  if (operand.isOn('tls_insecure_skip_verify')) {
    const instead = 'name the authority in `tls_ca_cert`, or the host in `tls_server_name`'
    throw unsupported('tls_insecure_skip_verify', instead)
  }
  const ca = operand.text('tls_ca_cert').replaceAll('\\n', '\n')
  const cert = operand.text('tls_client_cert')
  const key = operand.text('tls_client_key')
  const system = operand.isOn('tls_use_system_certs') ? getCACertificates('system') : []
  const authorities = ca === '' ? system : [...system, ca]
  const servername = operand.text('tls_server_name') || nameOf(host)
  const parameters = {
    ...(authorities.length === 0 ? undefined : { ca: authorities }),
    ...(cert === '' || key === '' ? undefined : { cert, key }),
    ...(servername === '' ? undefined : { servername }),
  }
  return Object.keys(parameters).length === 0 ? undefined : parameters
}

/** A host that the headers name is also whose certificate is asked for. */
function nameOf(host: string | undefined): string {
  return host?.replace(/:\d*$/, '') ?? ''
}

export function unsupported(name: string, instead: string): PolicyError {
  return new PolicyError(
    PolicyErrorCode.fetchUnsupported,
    `\`http.send\` does not support \`${name}\`: ${instead}`,
  )
}
