/** The four services, by the name that their settings, subjects and metrics carry. */
export const SERVICES = ['authn', 'authz', 'audit', 'telemetry'] as const
export type ServiceName = (typeof SERVICES)[number]

/** Offsets from `--port-base`, and the ports used without it. */
export const PORTS = {
  authzHttp: { default: 8181, offset: 0 },
  authzGrpc: { default: 9191, offset: 1 },
  authnHttp: { default: 8182, offset: 2 },
  auditHttp: { default: 8183, offset: 3 },
  telemetryHttp: { default: 8184, offset: 4 },
  nats: { default: 4222, offset: 5 },
  envoy: { default: 10000, offset: 6 },
  shop: { default: 10001, offset: 7 },
} as const
export type PortName = keyof typeof PORTS

/** The port of a listener: its default, or `base` plus its offset. */
export function portOf(name: PortName, base?: number): number {
  return base === undefined ? PORTS[name].default : base + PORTS[name].offset
}
