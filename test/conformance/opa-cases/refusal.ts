/** Longer reasons are cut: what follows tells of the policy. */
const REASON_LENGTH_MAX = 90

/** What OPA says of a policy that it does not compile, without what is the policy's own. */
export function refusalReason(message: string): string {
  const [first = 'no reason'] = message
    .replace(/^error: /, '')
    .replaceAll(/(load error: )?\d+ errors? occurred( during loading)?: */g, '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  return first
    .replace(/^\S+:\d+: /, '')
    .replaceAll(/\b(var|rule|function|package) \S+/g, '$1 …')
    .replaceAll(/\bdata\.[\w.[\]"]+/g, 'data.…')
    .slice(0, REASON_LENGTH_MAX)
    .trim()
}
