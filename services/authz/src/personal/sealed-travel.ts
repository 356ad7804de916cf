import type { ShipperOptions } from '@verdict/journal'
import type { SealedKeys } from './sealed-keys.ts'

/**
 * A batch of records has room for their keys beside it: each needs one at most, which is shorter
 * than the half of a record that has something encrypted.
 */
const BATCH_BYTES_MAX = 320 * 1024

/** How the keys travel with the batches of a shipper. */
export function sealedTravel(
  sealed: Pick<SealedKeys, 'lineFor'>,
): Required<Pick<ShipperOptions, 'batchBytesMax' | 'controlsOf'>> {
  const controlsOf = ({ bytes }: { readonly bytes: Uint8Array }): string[] => {
    const line = sealed.lineFor(bytes)
    return line === undefined ? [] : [line]
  }
  return { batchBytesMax: BATCH_BYTES_MAX, controlsOf }
}
