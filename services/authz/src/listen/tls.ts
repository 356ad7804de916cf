import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { createSecureContext, type SecureContextOptions, type TlsOptions } from 'node:tls'
import { messageOf } from '@verdict/contract'
import type { AuthzConfig } from '../config.ts'
import { ListenerError, ListenerErrorCode } from '../errors.ts'

/** How often the files are looked at: a link that is set anew, as Kubernetes does, is seen too. */
export const RELOAD_INTERVAL_MS = 1_000
/** A client that has not shaken hands after this long is cut off. */
export const HANDSHAKE_TIMEOUT_MS = 10_000

/** What certificates report; see events.ts. */
export interface TlsEvents {
  certificateActive(notAfter: string): void
  certificateRefused(error: unknown): void
}

/** Takes a new certificate for the connections to come. */
export interface SecureServer {
  setSecureContext(options: SecureContextOptions): void
}

type TlsSettings = Pick<AuthzConfig, 'tlsCert' | 'tlsKey' | 'tlsClientCa'>

interface TlsFiles {
  readonly cert: string
  readonly key: string
  readonly clientCa: string | undefined
}

/**
 * The certificate of the listeners, read again whenever its files change. What can't be used is
 * said, and the last good one stays. A new one holds for new connections; those that are there go
 * on under what they were opened with.
 */
export class Certificates implements Disposable {
  readonly #files: TlsFiles
  readonly #events: TlsEvents
  readonly #servers: SecureServer[] = []
  readonly #timer: NodeJS.Timeout
  #seen: string
  #active: SecureContextOptions

  private constructor(files: TlsFiles, events: TlsEvents, intervalMs: number) {
    this.#files = files
    this.#events = events
    this.#seen = versionOf(files)
    this.#active = this.#read()
    this.#timer = setInterval(() => this.#look(), intervalMs).unref()
  }

  /**
   * Undefined where no setting asks for TLS.
   * @throws {ListenerError} `certificate_unusable`
   */
  static open(
    settings: TlsSettings,
    events: TlsEvents,
    intervalMs: number = RELOAD_INTERVAL_MS,
  ): Certificates | undefined {
    const { tlsCert: cert, tlsKey: key, tlsClientCa: clientCa } = settings
    if (cert === undefined && key === undefined && clientCa === undefined) return undefined
    if (cert === undefined || key === undefined) {
      throw new ListenerError(
        ListenerErrorCode.certificateUnusable,
        'set VERDICT_AUTHZ_TLS_CERT and VERDICT_AUTHZ_TLS_KEY together; ' +
          'VERDICT_AUTHZ_TLS_CLIENT_CA needs both',
      )
    }
    return new Certificates({ cert, key, clientCa }, events, intervalMs)
  }

  /** For a server that `follow` is then told of. */
  get options(): TlsOptions {
    const mutual = this.#files.clientCa !== undefined
    return {
      ...this.#active,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      requestCert: mutual,
      rejectUnauthorized: mutual,
    }
  }

  follow(server: SecureServer): void {
    this.#servers.push(server)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const version = versionOf(this.#files)
    if (version === this.#seen) return
    // Not tried again before the next change, so that a refusal is said once.
    this.#seen = version
    try {
      this.#active = this.#read()
      for (const server of this.#servers) server.setSecureContext(this.#active)
    } catch (error) {
      this.#events.certificateRefused(error)
    }
  }

  #read(): SecureContextOptions {
    const { cert, key, clientCa } = this.#files
    try {
      const options: SecureContextOptions = {
        cert: readFileSync(cert),
        key: readFileSync(key),
        ...(clientCa === undefined ? undefined : { ca: readFileSync(clientCa) }),
        minVersion: 'TLSv1.2',
      }
      const leaf = new X509Certificate(options.cert as Buffer)
      if (!leaf.checkPrivateKey(createPrivateKey(options.key as Buffer))) {
        throw new Error('the key is not that of the certificate')
      }
      if (options.ca !== undefined) new X509Certificate(options.ca as Buffer)
      createSecureContext(options)
      this.#events.certificateActive(leaf.validTo)
      return options
    } catch (cause) {
      const files = [cert, key, clientCa].filter((file) => file !== undefined)
      throw new ListenerError(
        ListenerErrorCode.certificateUnusable,
        `the certificate in \`${files.join('`, `')}\` can't be used: ${messageOf(cause)}`,
        { cause },
      )
    }
  }
}

/** Changes with each write of one of the files, and with each that comes or goes. */
function versionOf(files: TlsFiles): string {
  return Object.values(files)
    .filter((file) => file !== undefined)
    .map((file) => {
      const stat = statSync(file, { bigint: true, throwIfNoEntry: false })
      return stat === undefined ? 'none' : `${stat.ino} ${stat.size} ${stat.mtimeNs}`
    })
    .join()
}
