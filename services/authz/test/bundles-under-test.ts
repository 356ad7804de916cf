import { gunzipSync, gzipSync } from 'node:zlib'
import type { ActivationEvent } from '@verdict/contract'
import {
  bundleKey,
  opaBinary,
  opaBundle,
  type TestBundleKey,
  type TestBus,
  temporaryDirectory,
  waitFor,
} from '@verdict/kit'
import { VerificationKeys } from '@verdict/policy'
import { createLog, Registry } from '@verdict/service'
import { BundlePolicies } from '../src/bundles/bundle-policies.ts'
import type { BundleSource } from '../src/bundles/bundle-source.ts'
import { BundleEvents } from '../src/events/bundle-events.ts'

export const SOON = { deadlineMs: 40_000 }
/** Whose bundles are trusted, and whose are not. */
export const ops: TestBundleKey = bundleKey('ops', 'ES256')
export const mallory: TestBundleKey = bundleKey('mallory')
const keys = VerificationKeys.parse({ ops: ops.described })

export const NATS: BundleSource = { kind: 'nats', sizeMax: 1024 ** 2 }

/** A bundle of one package whose rule `allow` tells the reason that is in its data. */
export async function bundleOf(
  name: string,
  revision: number | string,
  options: {
    readonly key?: TestBundleKey | undefined
    readonly roots?: readonly string[]
    readonly isRego?: boolean
    readonly package?: string
  } = {},
): Promise<Uint8Array> {
  const { roots = [name], isRego = false, package: path = name } = options
  const key = 'key' in options ? options.key : ops
  const dotted = path.replaceAll('/', '.')
  return await opaBundle({
    files: {
      'policy.rego': `package ${dotted}\n\nallow := {"allowed": true, "reason": data.${dotted}.reason}\n`,
      [`${path}/data.json`]: JSON.stringify({ reason: `${path} ${revision}` }),
    },
    ...(isRego ? {} : { entrypoints: [`${path}/allow`] }),
    roots,
    revision: String(revision),
    ...(key === undefined ? {} : { key }),
  })
}

/** The archive with a text in it in the place of another one of the same length. */
export function forged(archive: Uint8Array, before: string, after: string): Uint8Array {
  const tar = gunzipSync(archive)
  const at = tar.indexOf(before)
  if (at < 0 || before.length !== after.length) throw new Error(`\`${before}\` is not there`)
  tar.write(after, at)
  return gzipSync(tar)
}

export interface UnderTestOptions {
  readonly bundles: Readonly<Record<string, BundleSource>>
  /** Default: one of its own. */
  readonly dataDir?: string
  /** Without it nothing is followed over NATS. */
  readonly bus?: TestBus
  readonly entrypoint?: string
  readonly entrypoints?: readonly string[]
  readonly routes?: string
}

/** The bundles of one process, and all that it told of them. */
export class BundlesUnderTest implements AsyncDisposable {
  readonly policies: BundlePolicies
  readonly dataDir: string
  /** `name: code`. */
  readonly refused: readonly string[]
  readonly data: readonly string[]
  /** What the journal is told of. */
  readonly activations: readonly ActivationEvent['activation'][]
  readonly #resources: AsyncDisposableStack

  private constructor(
    opened: Pick<BundlesUnderTest, 'policies' | 'dataDir' | 'refused' | 'data' | 'activations'>,
    resources: AsyncDisposableStack,
  ) {
    this.policies = opened.policies
    this.dataDir = opened.dataDir
    this.refused = opened.refused
    this.data = opened.data
    this.activations = opened.activations
    this.#resources = resources
  }

  static async open(options: UnderTestOptions): Promise<BundlesUnderTest> {
    const { bundles, bus, entrypoint = 'shop/allow', entrypoints = [], routes } = options
    const resources = new AsyncDisposableStack()
    const dataDir = options.dataDir ?? resources.use(temporaryDirectory()).path
    const refused: string[] = []
    const data: string[] = []
    const activations: ActivationEvent['activation'][] = []
    const told = new BundleEvents(
      createLog({ service: 'authz', instance: 'test', destination: { write: () => true } }),
      new Registry(),
      (activation) => {
        activations.push(activation)
      },
    )
    const policies = await BundlePolicies.open({
      file: { keys, bundles: new Map(Object.entries(bundles)) },
      ...{ entrypoint, entrypoints, routes, dataDir },
      opa: await opaBinary(),
      memoBytesMax: 1024 ** 2,
      events: {
        bundleActive: (bundle, pointer) => told.bundleActive(bundle, pointer),
        bundleApproved: (bundle, pointer) => told.bundleApproved(bundle, pointer),
        bundleRefused: (name, { code }) => refused.push(`${name}: ${code}`),
        bundleContact: () => undefined,
        dataApplied: ({ path }) => data.push(`applied ${path.join('/')}`),
        dataRefused: ({ path }, { code }) => data.push(`${code} ${path.join('/')}`),
        dataUnowned: (paths) => data.push(`unowned ${paths}`),
        busFollowFailed: () => undefined,
      },
      routesEvents: { routesActive: () => undefined, routesRefused: () => undefined },
    })
    resources.use(policies)
    if (bus !== undefined) {
      const ending = new AbortController()
      const following = policies.follow(await bus.connect('authz-serve'), ending.signal)
      resources.defer(async () => {
        ending.abort()
        await following
      })
    }
    return new BundlesUnderTest({ policies, dataDir, refused, data, activations }, resources)
  }

  /** What a rule says. */
  reason(rule = 'shop/allow'): unknown {
    const owner = this.policies.active?.owners?.get(rule)
    return (owner?.policy.evaluate(rule, {}) as { reason?: unknown } | undefined)?.reason
  }

  async says(reason: string | undefined, rule = 'shop/allow'): Promise<void> {
    await waitFor(() => this.reason(rule) === reason, {
      ...SOON,
      what: `\`${rule}\` to say ${reason}`,
    })
  }

  async refuses(what: string): Promise<void> {
    await waitFor(() => this.refused.includes(what), { ...SOON, what: `the refusal ${what}` })
  }

  async tells(what: string): Promise<void> {
    const told = (): boolean => this.policies.health().detail.includes(what)
    await waitFor(told, { ...SOON, what: `health to tell ${what}` })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync()
  }
}
