import { readFileSync, statSync } from 'node:fs'
import { messageOf } from '@verdict/contract'
import { RoutesError, RoutesErrorCode } from '../errors.ts'
import type { RouteTable } from './route-table.ts'
import { readRoutes } from './routes-document.ts'

/** A larger file is refused. */
export const FILE_BYTES_MAX = 4 * 1024 ** 2
/** Of more problems, the first are told, and how many follow. */
const PROBLEMS_TOLD_MAX = 20

/** The file of VERDICT_AUTHZ_ROUTES, read again whenever it has changed. */
export class RoutesFile {
  readonly #path: string
  #seen: string | undefined

  constructor(path: string) {
    this.#path = path
  }

  /**
   * The routes, where the file is another than at the last look. What is refused is told once.
   * @throws {RoutesError} `routes_unusable`
   */
  look(): RouteTable | undefined {
    const version = this.#version()
    if (version === this.#seen) return undefined
    this.#seen = version
    return this.#read()
  }

  #read(): RouteTable {
    let text: string
    try {
      const { size } = statSync(this.#path)
      if (size > FILE_BYTES_MAX) throw new Error(`it has more than ${FILE_BYTES_MAX} bytes`)
      text = readFileSync(this.#path, 'utf8')
    } catch (cause) {
      throw this.#unusable([messageOf(cause)], cause)
    }
    const read = readRoutes(text)
    if (read.table === undefined) throw this.#unusable(read.problems)
    return read.table
  }

  #unusable(problems: readonly string[], cause?: unknown): RoutesError {
    const told = problems.slice(0, PROBLEMS_TOLD_MAX)
    const more = problems.length - told.length
    if (more > 0) told.push(`and ${more} more`)
    const why = `the routes in \`${this.#path}\` can't be used: ${told.join('; ')}`
    return new RoutesError(RoutesErrorCode.routesUnusable, why, { cause })
  }

  /** Changes with each write of the file, and when it comes or goes. */
  #version(): string {
    const stat = statSync(this.#path, { bigint: true, throwIfNoEntry: false })
    return stat === undefined ? 'none' : `${stat.ino} ${stat.size} ${stat.mtimeNs}`
  }
}
