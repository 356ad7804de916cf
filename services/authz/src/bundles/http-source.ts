import type { BundleFollower } from './bundle-follower.ts'
import type { BundleSource } from './bundle-source.ts'
import { pollBundle } from './http-poll.ts'

/** Asks the server of a bundle that has one, until the signal; settles when that has ended. */
export async function followServer(
  follower: BundleFollower,
  source: BundleSource | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (source?.kind !== 'http') return
  await pollBundle({
    source,
    etag: follower.etag,
    onArchive: async (archive, etag) =>
      await follower.offer({ archive, ...(etag === undefined ? undefined : { etag }) }),
    onUnchanged: () => follower.reached(),
    onError: (error) => follower.unreached(error),
    signal,
  })
}
