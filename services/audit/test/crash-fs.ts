import path from 'node:path'
import type { LockBook, LockRecord } from '../src/log/lock-record.ts'
import type { LogFile, LogFs, MeanwhileParts } from '../src/log/log-fs.ts'

/** The machine has stopped at one of the operations. */
export class Crash extends Error {}

/** Numbers of a seed, from 0 up to 1 (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

type Change = { at: number; bytes: Uint8Array } | { length: number }

class FileNode {
  durable: Buffer
  /** What was written and not synced, in its order. */
  unsynced: Change[] = []

  constructor(durable: Buffer = Buffer.alloc(0)) {
    this.durable = durable
  }

  get content(): Buffer {
    return this.unsynced.reduce(changed, this.durable)
  }

  sync(): void {
    this.durable = this.content
    this.unsynced = []
  }

  /** The same file, as the system still has it after a process died. */
  copy(): FileNode {
    const copied = new FileNode(this.durable)
    copied.unsynced = [...this.unsynced]
    return copied
  }

  /** Some of what was not synced is there, some is torn, some is not. */
  survivor(random: () => number): FileNode {
    let content = this.durable
    for (const change of this.unsynced) {
      const luck = random()
      if (luck < 0.4) continue
      if (luck < 0.7 || 'length' in change) content = changed(content, change)
      else {
        const kept = Math.floor(change.bytes.length * random())
        content = changed(content, { at: change.at, bytes: change.bytes.subarray(0, kept) })
      }
    }
    return new FileNode(content)
  }
}

type Node = FileNode | DirNode
type Assignment = readonly [name: string, node: Node | undefined]

class DirNode {
  durable = new Map<string, Node>()
  /** Changes of names that were not synced; a rename is two that happen together. */
  unsynced: (readonly Assignment[])[] = []

  get content(): Map<string, Node> {
    const names = new Map(this.durable)
    for (const change of this.unsynced) assign(names, change)
    return names
  }

  sync(): void {
    this.durable = this.content
    this.unsynced = []
  }

  copy(copies = new Map<Node, Node>()): DirNode {
    const dir = new DirNode()
    const copyOf = (node: Node | undefined): Node | undefined => {
      if (node === undefined) return undefined
      const known = copies.get(node)
      if (known) return known
      const made = node instanceof DirNode ? node.copy(copies) : node.copy()
      copies.set(node, made)
      return made
    }
    for (const [name, node] of this.durable) assign(dir.durable, [[name, copyOf(node)]])
    dir.unsynced = this.unsynced.map((change) =>
      change.map(([name, node]) => [name, copyOf(node)] as const),
    )
    return dir
  }

  survivor(random: () => number): DirNode {
    const names = new Map(this.durable)
    for (const change of this.unsynced) if (random() < 0.5) assign(names, change)
    const dir = new DirNode()
    for (const [name, node] of names) dir.durable.set(name, node.survivor(random))
    return dir
  }
}

/**
 * A file system in memory that stops at one operation, and then has lost what was not synced: the
 * bytes of files and the names in directories, each on its own and at random.
 */
export class CrashFs implements LogFs {
  readonly #root: DirNode
  /** Operations that change something, as far as there were any. */
  operations = 0
  crashAt: number = Number.POSITIVE_INFINITY

  constructor(root: DirNode = new DirNode()) {
    this.#root = root
  }

  /** What is there after the machine has started again. */
  powerLost(seed: number): CrashFs {
    return new CrashFs(this.#root.survivor(randomOf(seed)))
  }

  /** The same where only the process died: all is there, and what was not synced is not yet. */
  processDied(): CrashFs {
    return new CrashFs(this.#root.copy())
  }

  /** Every step that changes something comes by here; the lock record's, too. */
  step(): void {
    this.operations++
    if (this.operations >= this.crashAt) throw new Crash(`crash at operation ${this.operations}`)
  }

  read(file: string): Uint8Array | undefined {
    const node = this.#find(file)
    return node instanceof FileNode ? Uint8Array.from(node.content) : undefined
  }

  list(dir: string): string[] {
    const node = this.#find(dir)
    return node instanceof DirNode ? [...node.content.keys()] : []
  }

  makeDir(dir: string): void {
    if (this.#find(dir) !== undefined) return
    this.#assign(path.dirname(dir), [[path.basename(dir), new DirNode()]])
  }

  open(file: string): LogFile {
    if (this.#find(file) === undefined) {
      this.#assign(path.dirname(file), [[path.basename(file), new FileNode()]])
    }
    const node = this.#find(file)
    if (!(node instanceof FileNode)) throw new Error(`${file} is a directory`)
    const change = (what: Change): void => {
      this.step()
      node.unsynced.push(what)
    }
    return {
      write: (bytes, at) => change({ at, bytes: Uint8Array.from(bytes) }),
      truncate: (length) => change({ length }),
      sync: () => {
        this.step()
        node.sync()
      },
      close: () => undefined,
    }
  }

  async writeMeanwhile(
    file: string,
    bytes: Uint8Array,
    { beside, isWanted }: MeanwhileParts,
  ): Promise<boolean> {
    const written = this.open(beside)
    written.write(bytes, 0)
    await Promise.resolve()
    written.truncate(bytes.length)
    written.sync()
    await Promise.resolve()
    const wanted = isWanted()
    if (wanted) this.rename(beside, file)
    else this.remove(beside)
    return wanted
  }

  rename(from: string, to: string): void {
    const [old, name] = [path.basename(from), path.basename(to)]
    this.#assign(path.dirname(to), [
      [name, this.#find(from)],
      [old, undefined],
    ])
  }

  remove(name: string): void {
    if (this.#find(name)) this.#assign(path.dirname(name), [[path.basename(name), undefined]])
  }

  syncDir(dir: string): void {
    this.step()
    this.#dir(dir).sync()
  }

  #assign(dir: string, change: readonly Assignment[]): void {
    this.step()
    this.#dir(dir).unsynced.push(change)
  }

  #dir(dir: string): DirNode {
    const node = this.#find(dir)
    if (node instanceof DirNode) return node
    throw new Error(`${dir} is no directory`)
  }

  #find(name: string): Node | undefined {
    let node: Node | undefined = this.#root
    for (const part of path.normalize(name).split('/')) {
      if (part === '.') continue
      node = node instanceof DirNode ? node.content.get(part) : undefined
    }
    return node
  }
}

/** A lock record that changes as a whole and at once, before or after a crash. */
export class MemoryLock implements LockRecord {
  fs: CrashFs
  note: string | undefined

  constructor(fs: CrashFs) {
    this.fs = fs
  }

  read(): string | undefined {
    return this.note
  }

  replace(from: string | undefined, to: string): boolean {
    this.fs.step()
    if (this.note !== from) return false
    this.note = to
    return true
  }

  isHeld(): boolean {
    return true
  }

  [Symbol.dispose](): void {}
}

function changed(content: Buffer, change: Change): Buffer {
  const length =
    'length' in change ? change.length : Math.max(content.length, change.at + change.bytes.length)
  const bytes = Buffer.alloc(length)
  content.copy(bytes)
  if ('bytes' in change) bytes.set(change.bytes, change.at)
  return bytes
}

function assign(names: Map<string, Node>, change: readonly Assignment[]): void {
  for (const [name, node] of change) {
    if (node === undefined) names.delete(name)
    else names.set(name, node)
  }
}

/** The lock records of the shards, each as above. */
export class MemoryLocks implements LockBook {
  readonly #records = new Map<string, MemoryLock>()
  readonly #fs: CrashFs

  constructor(fs: CrashFs) {
    this.#fs = fs
  }

  /** The same records, on what a crash has left of the files. */
  after(fs: CrashFs): MemoryLocks {
    const locks = new MemoryLocks(fs)
    for (const [name, { note }] of this.#records) (locks.of(name) as MemoryLock).note = note
    return locks
  }

  shards(): string[] {
    const known = [...this.#records].filter(([, { note }]) => note !== undefined)
    return known.map(([name]) => name)
  }

  of(shard: string): LockRecord {
    const record = this.#records.get(shard) ?? new MemoryLock(this.#fs)
    this.#records.set(shard, record)
    return record
  }
}
