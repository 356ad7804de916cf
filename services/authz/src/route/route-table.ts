import type { RecordClass } from '@verdict/contract'

/** What a route says of the requests that it is for. */
export interface Route {
  /** The policy is told: `input.route.name`. */
  readonly name?: string
  /** The rule that decides. */
  readonly entrypoint: string
  /** What is done about ambiguities, as a text that can be read. */
  readonly ambiguities?: string
  /** How well decisions have to be on record. */
  readonly recordClass?: RecordClass
  /** The policy gets neither `parsed_body` nor `truncated_body`. */
  readonly skipBody?: boolean
}

/** Which requests a route is for. */
export interface RoutePattern {
  /** Any host where it is left out. */
  readonly host?: HostPattern
  /** As `parsed_path` has them. */
  readonly segments: readonly string[]
  /** Whether it is for everything below the path, too. */
  readonly below: boolean
  /** Any method where it is left out. */
  readonly methods?: readonly string[]
}

export interface HostPattern {
  readonly name: string
  /** For the names below `name`, and not for `name` itself. */
  readonly below: boolean
}

/** The part of a request that routes are told apart by. */
export interface RouteKey {
  /** In canonical form, without the port. */
  readonly host: string
  readonly segments: readonly string[]
  readonly method: string
}

interface Ranked {
  readonly rank: number
  readonly route: Route
}

/** The routes of one pattern, by method. */
interface Rules {
  any?: Ranked
  readonly byMethod: Map<string, Ranked>
}

interface Node {
  readonly children: Map<string, Node>
  exact?: Rules
  below?: Rules
}

/**
 * Routes by host, then by the segments of the path: a match costs as many steps as the path, or
 * the longest route, has segments, for each of the few hosts that may be meant, and not one for
 * each route.
 */
export class RouteTable {
  readonly #anyHost: Node = newNode()
  readonly #hosts = new Map<string, Node>()
  readonly #suffixes = new Map<string, Node>()
  readonly #entrypoints = new Set<string>()
  #suffixLabelsMax = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The rules that decide, each once, in the order of the routes. */
  get entrypoints(): readonly string[] {
    return [...this.#entrypoints]
  }

  /** Whether routes are told apart by their hosts. */
  get namesHosts(): boolean {
    return this.#hosts.size > 0 || this.#suffixes.size > 0
  }

  /** Adds a route behind those that are there. */
  add(pattern: RoutePattern, route: Route): void {
    let node = this.#rootOf(pattern.host)
    for (const segment of pattern.segments) {
      let child = node.children.get(segment)
      if (child === undefined) {
        child = newNode()
        node.children.set(segment, child)
      }
      node = child
    }
    const kind = pattern.below ? 'below' : 'exact'
    const rules: Rules = node[kind] ?? { byMethod: new Map() }
    node[kind] = rules
    const ranked = { rank: this.#size++, route }
    this.#entrypoints.add(route.entrypoint)
    if (pattern.methods === undefined) rules.any ??= ranked
    for (const method of pattern.methods ?? []) {
      if (!rules.byMethod.has(method)) rules.byMethod.set(method, ranked)
    }
  }

  /** The first route that is for the request. */
  match({ host, segments, method }: RouteKey): Route | undefined {
    let first: Ranked | undefined
    for (const root of this.#rootsFor(host)) {
      let node: Node | undefined = root
      for (let at = 0; node !== undefined; at++) {
        first = earlier(first, node.below, method)
        const segment = segments[at]
        if (segment === undefined) first = earlier(first, node.exact, method)
        node = segment === undefined ? undefined : node.children.get(segment)
      }
    }
    return first?.route
  }

  #rootOf(host: HostPattern | undefined): Node {
    if (host === undefined) return this.#anyHost
    const roots = host.below ? this.#suffixes : this.#hosts
    if (host.below) {
      this.#suffixLabelsMax = Math.max(this.#suffixLabelsMax, host.name.split('.').length)
    }
    const root = roots.get(host.name) ?? newNode()
    roots.set(host.name, root)
    return root
  }

  #rootsFor(host: string): Node[] {
    const roots = [this.#anyHost]
    const named = this.#hosts.get(host)
    if (named !== undefined) roots.push(named)
    let dot = host.length
    for (let labels = 0; labels < this.#suffixLabelsMax; labels++) {
      dot = dot <= 0 ? -1 : host.lastIndexOf('.', dot - 1)
      if (dot === -1) break
      const below = this.#suffixes.get(host.slice(dot + 1))
      if (below !== undefined) roots.push(below)
    }
    return roots
  }
}

function newNode(): Node {
  return { children: new Map() }
}

function earlier(first: Ranked | undefined, rules: Rules | undefined, method: string) {
  if (rules === undefined) return first
  let best = first
  for (const ranked of [rules.any, rules.byMethod.get(method)]) {
    if (ranked !== undefined && (best === undefined || ranked.rank < best.rank)) best = ranked
  }
  return best
}
