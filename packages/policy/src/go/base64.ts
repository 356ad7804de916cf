/**
 * The bytes of a text of base64 as Go reads it: padded, in one of the two alphabets, with line ends
 * anywhere; nothing where it is none.
 */
export function base64Bytes(text: string, alphabet: 'standard' | 'url'): Buffer | undefined {
  const bare = text.replaceAll(/[\r\n]/g, '')
  const form = alphabet === 'url' ? /^[A-Za-z0-9_-]*={0,2}$/ : /^[A-Za-z0-9+/]*={0,2}$/
  if (bare.length % 4 !== 0 || !form.test(bare)) return undefined
  return Buffer.from(bare, alphabet === 'url' ? 'base64url' : 'base64')
}
