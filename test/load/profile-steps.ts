/** What V8 writes for `--cpu-prof`. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[]
  /** The node that ran, at each sample. */
  readonly samples: readonly number[]
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[]
}

export interface ProfileNode {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string }
  readonly children?: readonly number[]
}

export interface Step {
  readonly step: string
  /** Of the time in which the process did something. */
  readonly share: number
}

/** Whose work a stack is: the innermost frame that one of these patterns knows decides. */
const STEPS: readonly (readonly [step: string, url: RegExp])[] = [
  ['decode', /envoy\/(message-reader|text-reader|struct-reader|plain-message)/],
  ['encode', /envoy\/(message-writer|check-response)|answer-headers/],
  ['canonicalise', /\/canonicalise\//],
  ['identify', /\/identify\.ts/],
  ['evaluate', /packages\/policy|^wasm:|authz\/src\/(input|evaluate|body\/)/],
  ['read the result', /\/result\//],
  ['record', /\/record\.ts|contract\/src\/(decision-record|ids|journal)/],
  ['ship', /journal\/src\/ship|packages\/bus|nats-(core|io)|node_modules\/nats|shipping\.ts/],
  ['commit', /packages\/journal/],
  ['metrics', /\/events|prom-client/],
  ['admit, choose the policy, deadlines', /authz\/src\/(admission|deadline|decide|ruling|route\/)/],
  ['HTTP/2 and gRPC', /authz\/src\/envoy\/|node:internal\/http2|node:internal\/streams/],
]

const NATIVE: ReadonlyMap<string, string> = new Map([
  ['(garbage collector)', 'garbage collection'],
  ['(program)', 'outside of JavaScript: nghttp2, system calls'],
])

/** The shares of all steps in the last part of a profile, the largest first. */
export function stepsOf(profile: CpuProfile, lastMs: number): Step[] {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const parents = new Map<number, ProfileNode>()
  for (const node of profile.nodes)
    for (const child of node.children ?? []) parents.set(child, node)
  const spent = new Map<string, number>()
  let total = 0
  let leftUs = lastMs * 1_000
  for (let at = profile.samples.length - 1; at >= 0 && leftUs > 0; at--) {
    const us = profile.timeDeltas[at] ?? 0
    leftUs -= us
    const node = nodes.get(profile.samples[at] ?? 0)
    if (node === undefined || node.callFrame.functionName === '(idle)') continue
    const step = NATIVE.get(node.callFrame.functionName) ?? stepOf(node, parents)
    spent.set(step, (spent.get(step) ?? 0) + us)
    total += us
  }
  return [...spent]
    .map(([step, us]) => ({ step, share: us / total }))
    .sort((a, b) => b.share - a.share)
}

function stepOf(leaf: ProfileNode, parents: ReadonlyMap<number, ProfileNode>): string {
  for (let node: ProfileNode | undefined = leaf; node; node = parents.get(node.id)) {
    const { url } = node.callFrame
    const known = STEPS.find(([, pattern]) => pattern.test(url))
    if (known !== undefined) return known[0]
  }
  return 'the rest of Node: event loop, timers, sockets'
}
