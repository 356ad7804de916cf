import { statfsSync } from 'node:fs'

/** The part of a disk that the streams may take: beyond it the server would run it full. */
const DISK_SHARE = 0.7

/**
 * What JetStream may keep in a folder: what is wanted, or what the disk has room for. By the size of
 * the disk and not by what is free, so that it is the same at each start.
 */
export function storeBytesOn(folder: string, wanted: number): number {
  const { blocks, bsize } = statfsSync(folder)
  return storeBytesWithin(blocks * bsize, wanted)
}

export function storeBytesWithin(diskBytes: number, wanted: number): number {
  return Math.floor(Math.min(wanted, diskBytes * DISK_SHARE))
}
