import { AuthzError, AuthzErrorCode } from '../errors.ts'
import { parseMediaType } from './media-type.ts'

/** One part of a multipart form that has a name. */
export interface Part {
  readonly name: string
  /** The content type, empty where none is given. */
  readonly type: string
  readonly text: string
}

/** A form of more parts is refused. */
export const PARTS_MAX = 1_000

/**
 * The named parts of a multipart body (RFC 7578), as Go's `mime/multipart` reads them, so that no
 * form is read in two ways:
 *
 *     --XX\r\n
 *     Content-Disposition: form-data; name="a"\r\n
 *     \r\n
 *     text\r\n
 *     --XX--
 *
 * @throws {AuthzError} `request_unreadable`
 */
export function readParts(body: string, boundary: string): Part[] {
  if (boundary === '') throw unreadable('multipart: boundary is empty')
  const reader = new PartReader(body, `--${boundary}`)
  const parts: Part[] = []
  for (let count = 0; reader.next(); count++) {
    if (count === PARTS_MAX) throw unreadable('multipart: message too large')
    const headers = reader.headers()
    // A form that ends within the headers of a part ends before that part.
    if (headers === undefined) break
    const name = nameOf(headers.get('content-disposition'))
    const text = reader.text(name !== '')
    if (name !== '') parts.push({ name, type: headers.get('content-type') ?? '', text })
  }
  return parts
}

/** The name of a field of a form; empty where the part is none. */
function nameOf(disposition: string | undefined): string {
  if (disposition === undefined) return ''
  try {
    const { type, parameters } = parseMediaType(disposition)
    return type === 'form-data' ? (parameters.get('name') ?? '') : ''
  } catch {
    // What is no disposition names nothing.
    return ''
  }
}

class PartReader {
  readonly #body: string
  readonly #delimiter: string
  /** How lines end, as the first delimiter shows it. */
  #newline = '\r\n'
  #at = 0
  #begun: boolean = false

  constructor(body: string, delimiter: string) {
    this.#body = body
    this.#delimiter = delimiter
  }

  /** Whether there is one more part; its headers are next then. */
  next(): boolean {
    for (let mustBegin = false; ; ) {
      const line = this.#line()
      if (!line.endsWith('\n')) {
        if (this.#isEnd(line)) return false
        throw unreadable('multipart: NextPart: EOF')
      }
      if (this.#isBegin(line)) return true
      if (this.#isEnd(line)) return false
      if (mustBegin) {
        throw unreadable(`multipart: expecting a new Part; got line ${JSON.stringify(line)}`)
      }
      // What comes before the first delimiter is a preamble.
      if (!this.#begun) continue
      if (line !== this.#newline) {
        throw unreadable(`multipart: unexpected line in Next(): ${JSON.stringify(line)}`)
      }
      mustBegin = true
    }
  }

  /** The first value of each header, by name in lower case; undefined where the body ends. */
  headers(): ReadonlyMap<string, string> | undefined {
    const headers = new Map<string, string>()
    if (/^[ \t]/.test(this.#body[this.#at] ?? '')) {
      const line = JSON.stringify(withoutEnd(this.#line()))
      throw unreadable(`malformed MIME header initial line: ${line}`)
    }
    for (;;) {
      const line = this.#folded()
      if (line === undefined) return undefined
      if (line === '') return headers
      const cut = line.indexOf(':')
      const name = line.slice(0, cut).toLowerCase()
      if (!HEADER_NAME.test(name)) {
        throw unreadable(`malformed MIME header line: ${JSON.stringify(line)}`)
      }
      if (!headers.has(name)) headers.set(name, line.slice(cut + 1).trim())
    }
  }

  /** What stands before the next delimiter; a part that nobody asked for may be cut short. */
  text(asked: boolean): string {
    const start = this.#at
    for (let at = start; ; ) {
      const found = this.#delimiterAt(at, at === start)
      if (found === undefined) {
        if (asked) throw unreadable('unexpected EOF')
        this.#at = this.#body.length
        return ''
      }
      if (this.#delimits(found.end)) {
        this.#at = found.start
        return this.#body.slice(start, found.start)
      }
      at = found.end
    }
  }

  /** The next place that may be a delimiter: at the start of a line, or of the text. */
  #delimiterAt(at: number, isStart: boolean): { start: number; end: number } | undefined {
    const { length } = this.#delimiter
    if (isStart && this.#body.startsWith(this.#delimiter, at)) {
      return { start: at, end: at + length }
    }
    const start = this.#body.indexOf(this.#newline + this.#delimiter, at)
    return start === -1 ? undefined : { start, end: start + this.#newline.length + length }
  }

  /** Whether what follows makes a delimiter of it, rather than the beginning of a longer line. */
  #delimits(end: number): boolean {
    const next = this.#body[end]
    return next === undefined || /^[ \t\r\n]$/.test(next) || this.#body.startsWith('--', end)
  }

  #isBegin(line: string): boolean {
    if (!line.startsWith(this.#delimiter)) return false
    const rest = line.slice(this.#delimiter.length).replace(/^[ \t]+/, '')
    if (!this.#begun && rest === '\n') this.#newline = '\n'
    const begins = rest === this.#newline
    this.#begun ||= begins
    return begins
  }

  #isEnd(line: string): boolean {
    if (!line.startsWith(`${this.#delimiter}--`)) return false
    const rest = line.slice(this.#delimiter.length + 2).replace(/^[ \t]+/, '')
    return rest === '' || rest === this.#newline
  }

  /** A line of headers with those that continue it; undefined where the body ends. */
  #folded(): string | undefined {
    if (this.#at === this.#body.length) return undefined
    const line = withoutEnd(this.#line())
    if (line === '') return line
    if (!line.includes(':')) {
      throw unreadable(`malformed MIME header: missing colon: ${JSON.stringify(line)}`)
    }
    const pieces = [line.trimEnd()]
    while (/^[ \t]/.test(this.#body[this.#at] ?? '')) pieces.push(this.#line().trim())
    return pieces.join(' ')
  }

  /** The rest of the line, with its end where it has one. */
  #line(): string {
    const end = this.#body.indexOf('\n', this.#at)
    const line = this.#body.slice(this.#at, end === -1 ? undefined : end + 1)
    this.#at += line.length
    return line
  }
}

function withoutEnd(line: string): string {
  return line.replace(/\r?\n$/, '')
}

const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9a-z ]+$/

function unreadable(message: string): AuthzError {
  return new AuthzError(AuthzErrorCode.requestUnreadable, message)
}
