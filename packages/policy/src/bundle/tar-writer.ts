import { BLOCK_BYTES, checksumOf, FIELDS } from './tar-reader.ts'

/** Two blocks of zeros end an archive. */
const END = Buffer.alloc(2 * BLOCK_BYTES)
const MODE = '0000600'

/**
 * An archive of POSIX `tar` with these files, in their order. OPA names files from `/`; who wrote
 * them and when is left out, so that the same files are the same archive.
 */
export function writeTar(files: ReadonlyMap<string, Uint8Array>): Buffer {
  const blocks: Uint8Array[] = []
  for (const [path, content] of files) {
    const name = `/${path}`
    if (Buffer.byteLength(name) > FIELDS.name[1]) {
      const record = paxRecord('path', name)
      blocks.push(header('pax', 'x', record.length), ...padded(record))
    }
    blocks.push(header(name, '0', content.length), ...padded(content))
  }
  return Buffer.concat([...blocks, END])
}

function header(name: string, type: '0' | 'x', size: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES)
  // A longer name stands in the header before this one, whole.
  Buffer.from(name).copy(block, FIELDS.name[0], 0, FIELDS.name[1])
  block.write(MODE, FIELDS.mode[0], 'latin1')
  block.write(octal(size, FIELDS.size), FIELDS.size[0], 'latin1')
  block.write(type, FIELDS.type[0], 'latin1')
  block.write('ustar', FIELDS.magic[0], 'latin1')
  block.write('00', FIELDS.version[0], 'latin1')
  block.write(`${octal(checksumOf(block), FIELDS.checksum).slice(1)}\0 `, FIELDS.checksum[0])
  return block
}

/** In a field whose last byte stays empty. */
function octal(value: number, [from, to]: readonly [number, number]): string {
  return value.toString(8).padStart(to - from - 1, '0')
}

function padded(content: Uint8Array): Uint8Array[] {
  const over = content.length % BLOCK_BYTES
  return over === 0 ? [content] : [content, Buffer.alloc(BLOCK_BYTES - over)]
}

/** `<bytes of the record> <key>=<value>\n`, of which the number is a part. */
function paxRecord(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`
  const bytes = Buffer.byteLength(rest)
  let length = bytes + String(bytes).length
  if (String(length).length > String(bytes).length) length += 1
  return Buffer.from(`${length}${rest}`)
}
