import { malformed } from './refusals.ts'

/** An archive with more files is refused. */
const FILES_MAX = 20_000
/** A longer path is refused. */
const PATH_BYTES_MAX = 4_096
/** What a header may say of the file that follows it, in bytes. */
const EXTENSION_BYTES_MAX = 64 * 1024

export const BLOCK_BYTES = 512
/** Where the fields of a header are, from and to. */
export const FIELDS = {
  name: [0, 100],
  mode: [100, 108],
  size: [124, 136],
  checksum: [148, 156],
  type: [156, 157],
  magic: [257, 263],
  version: [263, 265],
  prefix: [345, 500],
} as const
type Field = keyof typeof FIELDS

/** What a header says, and where its content begins. */
interface Entry {
  readonly type: string
  readonly name: string
  readonly size: number
  readonly begin: number
}

/** What a PAX header or GNU's long name tells of the next file. */
interface Extension {
  readonly path?: string
}

const TYPE = { file: '0', oldFile: '\0', folder: '5', pax: 'x', paxOfAll: 'g', gnuName: 'L' }
/** Of PAX, what changes how a file is read and is not known here. */
const PAX_REFUSED = /^(?:size|linkpath|hdrcharset|GNU\.sparse\..*)$/
const PAX_RECORD = /(\d{1,6}) ([^=\n]+)=/y

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * The regular files of an archive of `tar`, POSIX's or GNU's. Stricter than other readers are:
 * nothing may be there twice, lead elsewhere, or be left over that no file or header accounts for.
 * @throws {PolicyError} `bundle_malformed`; {TypeError} for names that are not UTF-8
 */
export function readTar(tar: Buffer): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  let extension: Extension = {}
  let at = 0
  while (!isZero(tar, at, at + BLOCK_BYTES)) {
    const entry = readHeader(tar, at)
    const end = entry.begin + entry.size
    at = entry.begin + Math.ceil(entry.size / BLOCK_BYTES) * BLOCK_BYTES
    if (at + BLOCK_BYTES > tar.length) throw malformed('ends in the middle of a file')
    if (!isZero(tar, end, at)) throw malformed('has something between its files')
    const content = tar.subarray(entry.begin, end)
    const extended = extensionOf(entry, content)
    if (extended !== undefined) {
      extension = { ...extension, ...extended }
      continue
    }
    const name = extension.path ?? entry.name
    extension = {}
    if (entry.type === TYPE.folder) continue
    if (entry.type !== TYPE.file && entry.type !== TYPE.oldFile) {
      throw malformed(`has \`${name}\`, which is neither a file nor a folder`)
    }
    const path = pathOf(name)
    if (files.has(path)) throw malformed(`has \`${path}\` twice`)
    if (files.size === FILES_MAX) throw malformed(`has more than ${FILES_MAX} files`)
    files.set(path, content)
  }
  if (!isZero(tar, at, tar.length)) throw malformed('has something behind its end')
  if (extension.path !== undefined) throw malformed('names a file that does not follow')
  return files
}

function readHeader(tar: Buffer, at: number): Entry {
  const header = tar.subarray(at, at + BLOCK_BYTES)
  if (header.length < BLOCK_BYTES) throw malformed('ends without the mark of its end')
  const magic = header.toString('latin1', ...FIELDS.magic)
  const posix = magic === 'ustar\0'
  if (!posix && magic !== 'ustar ') throw malformed('is no archive of POSIX or GNU tar')
  if (numberOf(header, 'checksum') !== checksumOf(header)) throw malformed('has a damaged header')
  const prefix = posix ? textOf(header, 'prefix') : ''
  const name = textOf(header, 'name')
  return {
    type: header.toString('latin1', ...FIELDS.type),
    name: prefix === '' ? name : `${prefix}/${name}`,
    size: numberOf(header, 'size'),
    begin: at + BLOCK_BYTES,
  }
}

/** What the content says of the next file; undefined where it is a file itself. */
function extensionOf({ type, size }: Entry, content: Buffer): Extension | undefined {
  if (type !== TYPE.pax && type !== TYPE.paxOfAll && type !== TYPE.gnuName) return undefined
  if (size > EXTENSION_BYTES_MAX) throw malformed('has a header that is too long')
  if (type === TYPE.gnuName) return { path: utf8.decode(content).replace(/\0$/, '') }
  let path: string | undefined
  for (const [key, value] of paxRecords(content)) {
    if (PAX_REFUSED.test(key)) throw malformed(`has \`${key}\` in a header, which is not known`)
    if (key === 'path') path = value
  }
  if (path === undefined) return {}
  if (type === TYPE.paxOfAll) throw malformed('names all of its files at once')
  return { path }
}

/** Each is `<bytes of the record> <key>=<value>\n`. */
function* paxRecords(content: Buffer): Generator<readonly [string, string]> {
  // One byte is one character, so that lengths in bytes hold.
  const text = content.toString('latin1')
  for (let at = 0; at < text.length; ) {
    PAX_RECORD.lastIndex = at
    const [begin, length, key] = PAX_RECORD.exec(text) ?? []
    const end = at + Number(length)
    const valueAt = at + (begin?.length ?? 0)
    if (key === undefined || end > text.length || valueAt >= end || text[end - 1] !== '\n') {
      throw malformed('has a damaged header')
    }
    yield [key, utf8.decode(content.subarray(valueAt, end - 1))]
    at = end
  }
}

/** The path as `BundleFiles` has it: it starts at the bundle, and never leaves it. */
function pathOf(name: string): string {
  const path = name.replace(/^\.?\//, '')
  const segments = path.split('/')
  const strange = segments.some((segment) => ['', '.', '..'].includes(segment))
  if (strange || /[\\\p{Cc}]/u.test(path) || Buffer.byteLength(path) > PATH_BYTES_MAX) {
    throw malformed(`has a file with the name ${JSON.stringify(name.slice(0, 100))}`)
  }
  return path
}

/** The sum of a header's bytes, its own field taken as blanks. */
export function checksumOf(header: Uint8Array): number {
  const [from, to] = FIELDS.checksum
  return header.reduce((sum, byte, at) => sum + (at >= from && at < to ? 0x20 : byte), 0)
}

function textOf(header: Buffer, field: Field): string {
  const [from, to] = FIELDS[field]
  const bytes = header.subarray(from, to)
  const end = bytes.indexOf(0)
  return utf8.decode(end === -1 ? bytes : bytes.subarray(0, end))
}

function numberOf(header: Buffer, field: Field): number {
  const [, digits] = /^ *([0-7]+)[ \0]*$/.exec(header.toString('latin1', ...FIELDS[field])) ?? []
  if (digits === undefined) throw malformed('has a damaged header')
  return Number.parseInt(digits, 8)
}

function isZero(bytes: Buffer, from: number, to: number): boolean {
  if (to > bytes.length) return false
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false
  return true
}
