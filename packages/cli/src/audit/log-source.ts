import { BUNDLE_BYTES_MAX, NOTE_BYTES_MAX } from '@verdict/tlog'
import { CliError, CliErrorCode } from '../errors.ts'
import { type AuditApi, readFromAudit } from './audit-api.ts'
import { folderShards } from './log-folder.ts'

/** A description of a log is no longer, with a shard for each month of a thousand years. */
const DESCRIPTION_BYTES_MAX = 4 * 1024 ** 2

/** One tile log, to be read by the paths of tlog-tiles; undefined for what is not there. */
export interface ShardSource {
  /** For messages. */
  readonly name: string
  /** Whether its entries were removed, as the log says of itself. */
  readonly isPruned: boolean
  read(path: string): Promise<Uint8Array | undefined>
}

/**
 * The shards of a log, the oldest first: of a service, of files under a URL, or of a folder.
 * @throws {CliError} `audit_unavailable`, `bad_file`
 */
export async function shardsOf(
  { url, token }: AuditApi,
  log: string | undefined,
  signal: AbortSignal,
): Promise<readonly ShardSource[]> {
  if (log !== undefined && !isUrl(log)) return await folderShards(log)
  const api = { url: slashed(url), ...(token !== undefined && { token }) }
  const request = { bytesMax: DESCRIPTION_BYTES_MAX, signal }
  const description = await readFromAudit(api, 'v1/log', request)
  // Files under a URL: one log, which says of itself what it is.
  const paths = description === undefined ? [{ path: '', isPruned: false }] : pathsIn(description)
  return paths.map(({ path, isPruned }) => {
    // What the log says of itself is no address: the token goes to nobody else.
    const place = { ...api, url: new URL(`./${path}`, api.url).href }
    const bytesMax = Math.max(BUNDLE_BYTES_MAX, NOTE_BYTES_MAX)
    return {
      name: place.url,
      isPruned,
      read: (file) => readFromAudit(place, file, { bytesMax, signal }),
    }
  })
}

/** Whether a log is named by a URL, and not by a folder. */
export function isUrl(log: string | undefined): boolean {
  return log !== undefined && /^https?:\/\//.test(log)
}

function pathsIn(description: Buffer): { path: string; isPruned: boolean }[] {
  try {
    const { shards } = JSON.parse(description.toString('utf8'))
    if (!Array.isArray(shards)) return [{ path: 'log/', isPruned: false }]
    return shards.map(({ path, state }) => ({
      // Below the URL that was given, whatever is before the service.
      path: slashed(String(path)).replace(/^\/+/, ''),
      isPruned: state === 'pruned',
    }))
  } catch (cause) {
    const message =
      'what answers for audit is something else: its description of the log is no JSON'
    throw new CliError(CliErrorCode.auditUnavailable, message, { cause })
  }
}

function slashed(url: string): string {
  return url.endsWith('/') ? url : `${url}/`
}
