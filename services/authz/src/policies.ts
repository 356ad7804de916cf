import { type FollowedPolicies, followPolicies, type PolicyError } from '@verdict/policy'
import type { CheckResult } from '@verdict/service'
import type { ActivePolicy } from './evaluate.ts'
import type { AuthzEvents } from './events.ts'

export interface PoliciesOptions {
  readonly opa: string
  /** The folder that is followed. */
  readonly sources: string
  readonly entrypoint: string
  /** Where built policies are kept, the last good ones among them. */
  readonly cacheDir: string
  readonly events: Pick<AuthzEvents, 'policyActive' | 'policyRefused'>
}

/** The policies that decide, as the folder has them or had them when they last were good. */
export class Policies implements AsyncDisposable {
  readonly #entrypoint: string
  readonly #closing = new AbortController()
  #active: ActivePolicy | undefined
  #refused: PolicyError | undefined
  #followed: FollowedPolicies | undefined

  private constructor(entrypoint: string) {
    this.#entrypoint = entrypoint
  }

  /** @throws {PolicyError} where there are no good policies, neither in the folder nor kept */
  static async open(options: PoliciesOptions): Promise<Policies> {
    const { opa, sources, entrypoint, cacheDir, events } = options
    const policies = new Policies(entrypoint)
    policies.#followed = await followPolicies({
      opa,
      sources,
      entrypoints: [entrypoint],
      cacheDir,
      signal: policies.#closing.signal,
      onActive: (policy) => {
        policies.#active = { policy, revision: policy.revision, entrypoint: policies.#entrypoint }
        policies.#refused = undefined
        events.policyActive(policy)
      },
      onRefused: (error) => {
        policies.#refused = error
        events.policyRefused(error)
      },
    })
    return policies
  }

  get active(): ActivePolicy | undefined {
    return this.#active
  }

  /** Refused policies are no reason not to be ready: the last good ones decide. */
  health(): CheckResult {
    if (this.#active === undefined) return { ok: false, detail: 'no policy is active' }
    const detail = `revision ${this.#active.revision}`
    if (this.#refused === undefined) return { ok: true, detail }
    return { ok: true, detail: `${detail}; what came later was refused: ${this.#refused.message}` }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#followed?.done
  }
}
