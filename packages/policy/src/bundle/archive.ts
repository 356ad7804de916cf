import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { messageOf } from '@verdict/contract'
import { PolicyError } from '../errors.ts'
import { malformed } from './refusals.ts'
import { readTar } from './tar-reader.ts'
import { writeTar } from './tar-writer.ts'

/** An archive that is larger, or unpacks to more, is refused. */
export const BUNDLE_BYTES_MAX = 512 * 1024 ** 2
/** Where the header of a gzip file tells the system that wrote it; 255 for one that is unknown. */
const GZIP_SYSTEM_AT = 9
const GZIP_SYSTEM_UNKNOWN = 255

/** The files of a bundle by their paths, without the `/` that OPA writes before them. */
export type BundleFiles = ReadonlyMap<string, Uint8Array>

const unzip = promisify(gunzip)
const zip = promisify(gzip)

/** Takes an archive apart; the files share its memory. @throws {PolicyError} `bundle_malformed` */
export async function unpackBundle(archive: Uint8Array): Promise<BundleFiles> {
  if (archive.byteLength > BUNDLE_BYTES_MAX) {
    throw malformed(`has more than ${BUNDLE_BYTES_MAX} bytes`)
  }
  try {
    const options = { maxOutputLength: BUNDLE_BYTES_MAX, rejectGarbageAfterEnd: true }
    return readTar(await unzip(archive, options))
  } catch (cause) {
    if (cause instanceof PolicyError) throw cause
    throw malformed(`cannot be unpacked (${messageOf(cause)})`, cause)
  }
}

/** A `tar.gz`, whose bytes depend on nothing but the files. @throws {PolicyError} */
export async function packFiles(files: BundleFiles): Promise<Uint8Array> {
  const tar = writeTar(files)
  if (tar.byteLength > BUNDLE_BYTES_MAX) throw malformed(`has more than ${BUNDLE_BYTES_MAX} bytes`)
  const archive = await zip(tar)
  archive[GZIP_SYSTEM_AT] = GZIP_SYSTEM_UNKNOWN
  return archive
}
