import { readFile } from 'node:fs/promises'
import { chainHash, genesisHash, type JournalLine, parseJournalBatch } from '@verdict/contract'
import { expect } from 'vitest'
import { listSegments } from '../src/segment.ts'

/** What `noting` wrote down. */
export function noteOf(line: JournalLine): unknown {
  return 'note' in line.record ? line.record.note : undefined
}

/** Every line that is in a journal's segments. */
export async function linesOf(dir: string): Promise<JournalLine[]> {
  const bytes = await Promise.all(
    (await listSegments(dir)).map((segment) => readFile(segment.path)),
  )
  const all = Buffer.concat(bytes)
  return all.length === 0 ? [] : parseJournalBatch(all).lines
}

/** Holds lines against the chain of an epoch, from its first line on. */
export function expectWholeChain(
  lines: readonly JournalLine[],
  { instance, epoch }: { readonly instance: string; readonly epoch: number },
): void {
  let hash = genesisHash(instance, epoch)
  let n = 0
  for (const line of lines) {
    hash = chainHash(hash, line.json)
    n += 1
    expect(line.hash).toBe(hash)
    expect(line.record).toMatchObject({ instance, epoch, n })
  }
}
