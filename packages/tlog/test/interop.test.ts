import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import {
  buildInterop,
  type InteropResult,
  interopMissing,
  runInterop,
  type TemporaryDirectory,
  temporaryDirectory,
  waitFor,
} from '@verdict/kit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  addSignatures,
  bundlePath,
  CHECKPOINT_PATH,
  createSigner,
  formatCheckpoint,
  formatTlogProof,
  formatVerifierKey,
  GrowingTree,
  type Growth,
  generateSignerKey,
  KeyAlgorithm,
  leafHash,
  type NoteSigner,
  openNote,
  parseSignerKey,
  parseTrustPolicy,
  signatureBy,
  signNote,
  TiledTree,
  type TreeHead,
  tilePath,
  trustCheckpoint,
  verifyTlogProof,
} from '../src/index.ts'
import { entryOf } from './reference-tree.ts'

const missing = interopMissing()
const BUILD_TIMEOUT_MS = 11 * 60_000
const ORIGIN = 'log.example/interop'
const SECONDS = 1_700_000_000
const seed = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)
const log = createSigner(ORIGIN, KeyAlgorithm.ed25519, seed(1))
const logKey = formatVerifierKey(log.verifier)

/** A log on disk, written as it grew: with the partial tiles of each of its sizes. */
class LogFolder {
  readonly folder: TemporaryDirectory = temporaryDirectory()
  readonly #tree = new GrowingTree()
  head: TreeHead = { size: 0, root: this.#tree.root() }

  grow(count: number): void {
    for (let i = 0; i < count; i++) this.#tree.append(entryOf(this.#tree.size))
    const growth = this.#tree.take()
    this.#write(growth)
    this.head = growth.head
    this.write(CHECKPOINT_PATH, Buffer.from(this.checkpoint()))
  }

  checkpoint(): string {
    return signNote({ text: formatCheckpoint({ origin: ORIGIN, ...this.head }) }, [log])
  }

  async receipt(index: number, checkpoint: string = this.checkpoint()): Promise<string> {
    const tree = await TiledTree.open(this.head, (tile) => this.read(tilePath(tile)))
    return formatTlogProof({ index, hashes: await tree.inclusionProof(index), checkpoint })
  }

  read(file: string): Uint8Array {
    return readFileSync(path.join(this.folder.path, file))
  }

  write(file: string, bytes: Uint8Array): void {
    const whole = path.join(this.folder.path, file)
    mkdirSync(path.dirname(whole), { recursive: true })
    writeFileSync(whole, bytes)
  }

  #write({ tiles, bundles }: Growth): void {
    for (const { tile, bytes } of tiles) this.write(tilePath(tile), bytes)
    for (const { bundle, bytes } of bundles) this.write(bundlePath(bundle), bytes)
  }
}

const title = `programs of others${missing === undefined ? '' : `: ${missing}`}`
describe.skipIf(missing !== undefined)(title, () => {
  let program: string
  const logs: LogFolder[] = []
  const newLog = (...growths: readonly number[]): LogFolder => {
    const folder = new LogFolder()
    logs.push(folder)
    for (const count of growths) folder.grow(count)
    return folder
  }
  beforeAll(() => {
    program = buildInterop()
  }, BUILD_TIMEOUT_MS)
  afterAll(async () => {
    for (const { folder } of logs) await folder[Symbol.asyncDispose]()
  })

  test('fsck of tessera accepts our logs of many sizes', async () => {
    for (const growths of [[1], [255, 1], [256, 1], [1, 600, 3], [65_536, 4_464]]) {
      const { folder, head } = newLog(...growths)
      const result = await runInterop(program, 'log', folder.path, logKey)
      expect(result, `${head.size} entries`).toEqual({ ok: true, output: 'ok\n' })
    }
  })

  test.each([
    ['a hash of a full tile', 'tile/0/000', 5_000],
    ['a hash of a partial tile', 'tile/0/002.p/88', 40],
    ['a hash of a tile above', 'tile/1/000.p/2', 33],
    ['an entry', 'tile/entries/001', 700],
    ['an entry of a partial bundle', 'tile/entries/002.p/88', 9],
    ['the checkpoint', CHECKPOINT_PATH, 25],
  ])('fsck refuses a log in which %s is changed', async (_what, file, at) => {
    const tampered = newLog(600)
    const bytes = Uint8Array.from(tampered.read(file))
    bytes[at] = (bytes[at] ?? 0) ^ 1
    tampered.write(file, bytes)
    const result = await runInterop(program, 'log', tampered.folder.path, logKey)
    expect(result.ok).toBe(false)
    expect(result.output).not.toBe('')
  })

  test('a receipt of ours verifies in Go, and not for another entry or with another hash', async () => {
    const logged = newLog(600)
    for (const index of [0, 255, 256, 599]) {
      const receipt = await logged.receipt(index)
      const entry = `entry ${index}`
      const verify = (text: string, of: string): Promise<{ ok: boolean }> =>
        runInterop(program, 'receipt', text, of, logKey)
      expect(await verify(receipt, entry)).toMatchObject({ ok: true })
      expect(await verify(receipt, 'entry 1000')).toMatchObject({ ok: false })
      const moved = receipt.replace(`index ${index}`, `index ${index ^ 1}`)
      expect(await verify(moved, entry)).toMatchObject({ ok: false })
      expect(await verify(receipt.replace('\n600\n', '\n601\n'), entry)).toMatchObject({
        ok: false,
      })
    }
  })

  test('witnesses of ours are a quorum in Go, and in ours the witnesses of Go', async () => {
    const logged = newLog(300)
    const checkpoint = logged.checkpoint()
    const keys = [KeyAlgorithm.ed25519Cosignature, KeyAlgorithm.mlDsa44Cosignature].map(
      (algorithm, i) => generateSignerKey(`witness.example/${i}`, algorithm),
    )
    const signers = keys.map(parseSignerKey)
    const policy = policyOf(signers)
    const ours = addSignatures(
      checkpoint,
      signers.map((signer) =>
        signatureBy(signer, openNote(checkpoint, [log.verifier]).text, SECONDS),
      ),
    )
    expect(await runInterop(program, 'quorum', policy, ours)).toMatchObject({ ok: true })
    expect(await runInterop(program, 'quorum', policy, checkpoint)).toMatchObject({ ok: false })

    let theirs = checkpoint
    for (const key of keys) {
      const { text } = openNote(checkpoint, [log.verifier])
      const { output } = await runInterop(program, 'cosign', text, key)
      const cosigned = output.replace(/ok\n$/, '')
      const { verified } = openNote(
        cosigned,
        signers.map(({ verifier }) => verifier),
      )
      theirs = addSignatures(theirs, verified)
    }
    const trusted = parseTrustPolicy(`log ${logKey}\n${policy}`)
    const receipt = await logged.receipt(7, theirs)
    const { witnesses } = verifyTlogProof(receipt, leafHash(entryOf(7)), trusted)
    expect(witnesses.map(({ name }) => name)).toEqual(['w0', 'w1'])
    const unwitnessed = await logged.receipt(7)
    expect(() => verifyTlogProof(unwitnessed, leafHash(entryOf(7)), trusted)).toThrow(
      expect.objectContaining({ code: 'quorum_missing' }),
    )
  })
})

describe.skipIf(missing !== undefined)('`verdict witness`', () => {
  let program: string
  beforeAll(() => {
    program = buildInterop()
  }, BUILD_TIMEOUT_MS)
  const key = generateSignerKey('tessera.example', KeyAlgorithm.ed25519)
  const tesseraKey = formatVerifierKey(parseSignerKey(key).verifier)

  test.each(['ed25519', 'ml-dsa-44'])(
    'cosigns a log of Tessera with %s',
    async (algorithm) => {
      await using folder = temporaryDirectory()
      const state = path.join(folder.path, 'witness')
      await using witness = await startWitness(state, tesseraKey, algorithm)
      const policy = `witness w ${witness.vkey} ${witness.url}\nquorum w\n`
      const grow = async (name: string, ...entries: readonly string[]): Promise<InteropResult> =>
        await runInterop(
          program,
          'witnessed',
          path.join(folder.path, name),
          key,
          policy,
          ...entries,
        )
      const trust = parseTrustPolicy(`log ${tesseraKey}\n${policy}`)
      for (const [entries, size] of [
        [['a', 'b', 'c'], 3],
        // It starts again, and has to ask which tree the witness knows.
        [['d', 'e'], 5],
      ] as const) {
        const { ok, output } = await grow('log', ...entries)
        expect(ok, output).toBe(true)
        const { checkpoint, witnesses } = trustCheckpoint(output.replace(/ok\n$/, ''), trust)
        expect([checkpoint.size, witnesses.length]).toEqual([size, 1])
      }
      // A log that lost its past, under the same key: it publishes nothing.
      expect(await grow('another-log', 'z')).toEqual({
        ok: false,
        output: expect.stringContaining('x.tlog.size 5, larger than log size 0'),
      })
    },
    60_000,
  )
})

/** The witness of our command line, in a process of its own. */
async function startWitness(
  stateDir: string,
  log: string,
  algorithm: string,
): Promise<{ url: string; vkey: string } & AsyncDisposable> {
  const main = path.resolve(import.meta.dirname, '../../cli/src/main.ts')
  const place = ['--state-dir', stateDir, '--listen', '127.0.0.1:0']
  const args = [...place, '--log', log, '--algorithm', algorithm]
  const child = spawn(process.execPath, [main, 'witness', ...args], { stdio: 'pipe' })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const url = await waitFor(() => /listening on (\S+)\n/.exec(output)?.[1], {
    deadlineMs: 20_000,
    what: 'the witness',
  })
  return {
    url,
    vkey: /^key +(\S+)$/m.exec(output)?.[1] ?? '',
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM')
      await once(child, 'close')
    },
  }
}

function policyOf(signers: readonly NoteSigner[]): string {
  const lines = signers.map(
    ({ verifier }, i) => `witness w${i} ${formatVerifierKey(verifier)} https://w${i}.example/`,
  )
  return `${lines.join('\n')}\ngroup all-of-them all w0 w1\nquorum all-of-them\n`
}
