import { messageOf } from '@verdict/contract'

/** How one dependency is. `detail` is for people, also when all is well. */
export interface CheckResult {
  readonly ok: boolean
  readonly detail: string
}

export interface HealthReport {
  readonly ok: boolean
  readonly checks: Readonly<Record<string, CheckResult>>
}

/** What the service depends on; it is ready when every check is ok. */
export interface Health {
  /** Adds a check, or replaces the one of this name. Every report asks it, so it is cheap. */
  check(name: string, probe: () => CheckResult): void
  report(): HealthReport
}

export function createHealth(): Health {
  const probes = new Map<string, () => CheckResult>()
  return {
    check(name, probe) {
      probes.set(name, probe)
    },
    report() {
      const checks = Object.fromEntries([...probes].map(([name, probe]) => [name, ask(probe)]))
      return { ok: Object.values(checks).every(({ ok }) => ok), checks }
    },
  }
}

function ask(probe: () => CheckResult): CheckResult {
  try {
    const { ok, detail } = probe()
    return { ok, detail }
  } catch (thrown) {
    // A check that can't tell is no reason to be ready.
    return { ok: false, detail: messageOf(thrown) }
  }
}
