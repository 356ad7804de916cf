import path from 'node:path'
import type { ServiceName } from '@verdict/contract'
import type { Environment } from '@verdict/toolchain'
import type { Ports } from './ports.ts'

export interface ServiceSettingsOptions {
  readonly ports: Ports
  readonly dataDir: string
  readonly policiesDir: string
  readonly entrypoint: string
  readonly opa: string
  readonly issuersFile: string | undefined
  readonly authorization: string
}

/** The folders below the data folder. */
export function folders(dataDir: string): Record<'keys' | 'nats' | 'authz' | 'demo', string> {
  const inside = (name: string): string => path.join(dataDir, name)
  return {
    keys: inside('keys'),
    nats: inside('nats'),
    authz: inside('authz'),
    demo: inside('demo'),
  }
}

export function natsUrlOf(ports: Ports): string {
  return `nats://127.0.0.1:${ports.nats}`
}

/** The settings of each service that `verdict dev` makes; all others come from the environment. */
export function serviceSettings(
  options: ServiceSettingsOptions,
): Readonly<Record<ServiceName, Environment>> {
  const { ports, dataDir, policiesDir, entrypoint, opa, issuersFile, authorization } = options
  const { keys, authz } = folders(dataDir)
  const common = { VERDICT_NATS_URL: natsUrlOf(ports), VERDICT_KEYS_DIR: keys }
  return {
    authn: {
      ...common,
      VERDICT_AUTHN_HTTP_PORT: String(ports.authnHttp),
      ...(issuersFile !== undefined && { VERDICT_AUTHN_ISSUERS: issuersFile }),
    },
    authz: {
      ...common,
      VERDICT_AUTHZ_HTTP_PORT: String(ports.authzHttp),
      VERDICT_AUTHZ_GRPC_PORT: String(ports.authzGrpc),
      VERDICT_AUTHZ_POLICIES: policiesDir,
      VERDICT_AUTHZ_ENTRYPOINT: entrypoint,
      VERDICT_AUTHZ_DATA_DIR: authz,
      VERDICT_AUTHZ_OPA: opa,
    },
    audit: {
      ...common,
      VERDICT_AUDIT_HTTP_PORT: String(ports.auditHttp),
      VERDICT_AUDIT_DATA_DIR: path.join(dataDir, 'audit'),
      VERDICT_AUDIT_AUTHORIZATION: authorization,
    },
    telemetry: { ...common, VERDICT_TELEMETRY_HTTP_PORT: String(ports.telemetryHttp) },
  }
}

/**
 * What `verdict dev` runs a service with unless the environment says otherwise: authz shares this
 * machine with all the others, and gets one core of it.
 */
export const SERVICE_DEFAULTS: Readonly<Partial<Record<ServiceName, Environment>>> = {
  authz: { VERDICT_AUTHZ_PROCESSES: '1' },
}

/** Settings of the environment that `verdict dev` sets to something else, and so overrides. */
export function overriddenSettings(
  settings: Readonly<Record<string, Environment>>,
  env: Environment,
): string[] {
  const made = Object.values(settings).flatMap((values) => Object.entries(values))
  const other = made.filter(([name, value]) => env[name] !== undefined && env[name] !== value)
  return [...new Set(other.map(([name]) => name))]
}
