/** Whether a service lives, and the description of its API: nothing of the log is in them. */
const OPEN_ROUTES = new Set(['/healthz', '/readyz', '/metrics', '/v1/openapi.json'])

/**
 * Checkpoints and hash tiles, of one log or of a shard: hashes and signatures, of which nobody
 * learns who did what. An encoded character is in none of their paths, so one that has any is not
 * read in two ways.
 */
const SHARD = String.raw`(?:(?!tile/)[\w.-]+/){0,4}`
const TILE = String.raw`tile/\d{1,2}/(?:x\d{3}/)*\d{3}(?:\.p/\d{1,3})?`
const OPEN_LOG_PATH = new RegExp(`^/log/${SHARD}(?:checkpoint(?:\\.unwitnessed)?|${TILE})$`)

/**
 * Whether everybody may read this. All else is authorized, also what is added later.
 * @param route the pattern that the request has matched; undefined where nothing answers it
 * @param url as it was requested
 */
export function isOpen(method: string, route: string | undefined, url: string): boolean {
  if (route === undefined) return true
  if (method !== 'GET' && method !== 'HEAD') return false
  if (OPEN_ROUTES.has(route)) return true
  const end = url.search(/[?#]/)
  return OPEN_LOG_PATH.test(end < 0 ? url : url.slice(0, end))
}
