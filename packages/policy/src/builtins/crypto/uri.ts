import { parseUrl } from '../../go/url.ts'
import type { Value } from '../../value/value.ts'
import { malformed } from './der.ts'
import { struct } from './names.ts'

export interface Uri {
  readonly text: string
  readonly host: string
  /** Go's `url.URL`. */
  readonly parsed: Value
}

/** @throws {BuiltinError} */
export function uriOf(text: string): Uri {
  const url = parseUrl(text)
  if (url === undefined || !isDomain(url.host, false)) throw malformed()
  const { scheme, host, path, rawPath, rawQuery, fragment } = url
  const [before = '', hash = ''] = text.split(/#(.*)/s)
  const rest = before.slice(scheme === '' ? 0 : scheme.length + 1)
  const hasSlash = rest.startsWith('/')
  const opaque = scheme !== '' && !hasSlash ? (rest.split('?')[0] ?? '') : ''
  const authority = rest.startsWith('//') ? (/^\/\/([^/?]*)/.exec(rest)?.[1] ?? '') : ''
  const parsed = struct({
    Scheme: scheme,
    Opaque: opaque,
    // What it holds, Go's JSON does not show.
    User: authority.includes('@') ? new Map() : null,
    Host: host,
    Path: path,
    Fragment: fragment,
    RawQuery: rawQuery,
    RawPath: rawPath,
    RawFragment: /%/.test(hash) && encodeURI(fragment) !== hash ? hash : '',
    ForceQuery: /^[^?]*\?$/.test(rest),
    OmitHost: scheme !== '' && hasSlash && !rest.startsWith('//'),
  })
  const rawText = `${scheme}${scheme === '' ? '' : ':'}${rest}${hash === '' ? '' : `#${hash}`}`
  return { text: rawText.replaceAll(/[ "<>\\^`{|}]/g, escaped), host, parsed }
}

function escaped(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
}

/** A name of hosts as Go has it: labels that are not empty, without a dot at the end. */
export function isDomain(text: string, isConstraint: boolean): boolean {
  if (text === '') return true
  const labels = (isConstraint ? text.replace(/^\./, '') : text).split('.')
  return labels.every((label) => /^[!-~]+$/.test(label))
}
