import { Ambiguity } from './ambiguity.ts'
import { unescapePath } from './percent.ts'

/**
 * Nearly every target: segments that are not empty and begin with no dot, and a query, all of
 * plain characters. No place of it can match in two ways,
 * so that a long target that is not plain costs one pass as well.
 */
const PLAIN = /^(?=\/)(?:\/[\w~!$&'()*+,=:@-][\w~!$&'()*+,=:@.-]*)*\/?(?:\?[!"$&-~]*)?$/

/** `http://shop.example/a`, as a proxy is asked. */
const ABSOLUTE = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]*)/

/** What is ambiguous in the target of a request; each of its escapes is well-formed. */
export function targetAmbiguities(target: string): number {
  if (PLAIN.test(target)) return 0
  const absolute = ABSOLUTE.exec(target)
  const rest = absolute === null ? target : target.slice(absolute[0].length)
  const cut = rest.indexOf('?')
  const path = cut === -1 ? rest : rest.slice(0, cut)
  let bits = absolute === null ? formOf(path) : Ambiguity.absolute_target
  if (rest.includes('#')) bits |= Ambiguity.fragment
  bits |= pathAmbiguities(path)
  return cut === -1 ? bits : bits | queryAmbiguities(rest.slice(cut + 1))
}

/** The authority of a target in absolute form. */
export function authorityOf(target: string): string | undefined {
  return target.startsWith('/') ? undefined : ABSOLUTE.exec(target)?.[1]
}

function formOf(path: string): number {
  if (path.startsWith('/')) return 0
  if (path === '') return Ambiguity.empty_path
  return path === '*' ? Ambiguity.asterisk_target : Ambiguity.rootless_path
}

/** Of Unicode, what looks like `/`, `\`, `.` or `%`, or becomes it in a normal form. */
const LOOKALIKE =
  /[\u2024-\u2026\u2044\u2215\u2216\u29f5\u29f8\u29f9\u3002\ufe52\ufe68\ufe6a\uff05\uff0e\uff0f\uff3c\uff61]/
const ESCAPE = /%[0-9A-Fa-f]{2}/
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROL = /[\x01-\x1f\x7f-\x9f]/
const DOT_SEGMENTS = /(?<=^|\/)\.\.?(?=\/|$)/g
/** Also where a server cuts at a backslash, or takes a segment's parameters away. */
const DECODED_DOT_SEGMENTS = /(?<=^|[/\\])\.\.?(?=[/\\;]|$)/g

function pathAmbiguities(path: string): number {
  const decoded = unescapePath(path)
  const dots = countOf(DOT_SEGMENTS, path)
  return (
    when(decoded.includes('\0'), Ambiguity.nul) |
    when(isBroken(path, decoded), Ambiguity.invalid_utf8) |
    when(countOf(DECODED_DOT_SEGMENTS, decoded) > dots, Ambiguity.encoded_dot_segment) |
    when(decoded.includes('\\'), Ambiguity.backslash) |
    when(dots > 0, Ambiguity.dot_segment) |
    when(path.includes('//'), Ambiguity.empty_segment) |
    when(/%2[Ff]/.test(path), Ambiguity.encoded_slash) |
    when(decoded.includes(';'), Ambiguity.path_parameter) |
    when(ESCAPE.test(decoded), Ambiguity.double_encoding) |
    when(CONTROL.test(decoded), Ambiguity.control_character) |
    when(LOOKALIKE.test(decoded), Ambiguity.lookalike)
  )
}

/** Values may hold escaped slashes, line ends and escapes: that is what escapes are for. */
function queryAmbiguities(query: string): number {
  const decoded = unescapePath(query)
  return (
    when(decoded.includes('\0'), Ambiguity.nul) |
    when(isBroken(query, decoded), Ambiguity.invalid_utf8) |
    when(CONTROL.test(query), Ambiguity.control_character)
  )
}

/**
 * Bytes that are not UTF-8 are U+FFFD once they are read, here or in an adapter; only one that is
 * escaped is meant.
 */
function isBroken(text: string, decoded: string): boolean {
  if (!text.isWellFormed()) return true
  if (!decoded.includes('\ufffd')) return false
  return countOf(/\ufffd/g, decoded) > countOf(/%ef%bf%bd/gi, text)
}

function countOf(what: RegExp, text: string): number {
  return text.match(what)?.length ?? 0
}

function when(found: boolean, bit: number): number {
  return found ? bit : 0
}
