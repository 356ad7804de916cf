import { execFile } from 'node:child_process'
import process from 'node:process'
import { promisify } from 'node:util'

const run = promisify(execFile)
const COMMAND_TIMEOUT_MS = 10_000
/** Of the range for benchmarks (RFC 2544), which no network of a machine should have. */
const NETWORK = '198.18'
const SUBNETS = 256

interface Member {
  readonly namespace: string
  readonly host: string
  /** The end of its cable that is at the bridge. */
  readonly cable: string
}

/**
 * Network namespaces on one bridge: each has its own address, and each can be cut off. The bridge
 * is in a namespace, too, where the machine's packet filter does not look at what crosses it.
 */
export class Namespaces implements AsyncDisposable {
  readonly members: readonly Member[]
  readonly #hub: string
  readonly #cable: string
  readonly #subnet: string

  private constructor(count: number) {
    const { pid } = process
    this.#hub = `verdict-torture-${pid}`
    this.#cable = `vt${pid}`
    this.#subnet = `${NETWORK}.${pid % SUBNETS}`
    this.members = Array.from({ length: count }, (_, index) => ({
      namespace: `${this.#hub}-${index + 1}`,
      host: `${this.#subnet}.${index + 11}`,
      cable: `member-${index + 1}`,
    }))
  }

  /** Needs root. What could not be made to the end is taken down again. */
  static async create(count: number): Promise<Namespaces> {
    const namespaces = new Namespaces(count)
    try {
      await namespaces.#make()
      return namespaces
    } catch (error) {
      await namespaces[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Nothing comes from or to the others any more; from the outside only where it is asked for. */
  async cut(index: number, { outside }: { outside: boolean }): Promise<void> {
    const cut = this.members[index]
    if (cut === undefined) return
    if (outside) await this.#inHub('link', 'set', cut.cable, 'down')
    else await this.#eachPeer(index, 'add')
  }

  /** Takes a cut back. */
  async heal(index: number, { outside }: { outside: boolean }): Promise<void> {
    const cut = this.members[index]
    if (cut === undefined) return
    if (outside) await this.#inHub('link', 'set', cut.cable, 'up')
    else await this.#eachPeer(index, 'del')
  }

  /** The cables go with the namespaces that they end in. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { namespace } of this.members) await ip('netns', 'del', namespace).catch(ignore)
    await ip('netns', 'del', this.#hub).catch(ignore)
    // Where the namespace was not made, the cable into it may still be there.
    await ip('link', 'del', this.#cable).catch(ignore)
  }

  async #make(): Promise<void> {
    await ip('netns', 'add', this.#hub)
    await this.#inHub('link', 'add', 'bridge', 'type', 'bridge')
    await this.#inHub('link', 'set', 'bridge', 'up')
    await ip('link', 'add', this.#cable, 'type', 'veth', ...end('outside', this.#hub))
    await ip('addr', 'add', `${this.#subnet}.1/24`, 'dev', this.#cable)
    await ip('link', 'set', this.#cable, 'up')
    await this.#inHub('link', 'set', 'outside', 'master', 'bridge', 'up')
    for (const { namespace, host, cable } of this.members) {
      await ip('netns', 'add', namespace)
      await this.#inHub('link', 'add', cable, 'type', 'veth', ...end('eth0', namespace))
      await this.#inHub('link', 'set', cable, 'master', 'bridge', 'up')
      await ip('-n', namespace, 'addr', 'add', `${host}/24`, 'dev', 'eth0')
      await ip('-n', namespace, 'link', 'set', 'eth0', 'up')
      await ip('-n', namespace, 'link', 'set', 'lo', 'up')
    }
  }

  async #inHub(...args: readonly string[]): Promise<void> {
    await ip('-n', this.#hub, ...args)
  }

  /** Each drops what it would send to the other, as a broken switch between them would. */
  async #eachPeer(index: number, what: 'add' | 'del'): Promise<void> {
    const cut = this.members[index]
    for (const peer of this.members) {
      if (cut === undefined || peer === cut) continue
      await ip('-n', cut.namespace, 'route', what, 'blackhole', `${peer.host}/32`)
      await ip('-n', peer.namespace, 'route', what, 'blackhole', `${cut.host}/32`)
    }
  }
}

async function ip(...args: readonly string[]): Promise<void> {
  await run('ip', args, { timeout: COMMAND_TIMEOUT_MS })
}

/** The other end of a cable. */
function end(name: string, namespace: string): string[] {
  return ['peer', 'name', name, 'netns', namespace]
}

/** What is not there need not be taken down. */
function ignore(): void {}
