import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the whole project, which holds the cache. */
export const REPOSITORY_ROOT: string = fileURLToPath(new URL('../../..', import.meta.url))

/** Where tools are built to: `<cache>/bin/<tool>`. */
export const DEFAULT_CACHE_DIR: string = path.join(REPOSITORY_ROOT, '.cache', 'tools')

export type Environment = Readonly<Record<string, string | undefined>>

/** Where to look for tools. */
export interface LocateOptions {
  /** Holds `bin/` with what was built; default `.cache/tools` of the project. */
  readonly cacheDir?: string
  /** Settings and PATH; default the environment of this process. */
  readonly env?: Environment
}

export interface Places {
  readonly cacheDir: string
  readonly env: Environment
}

export function placesOf(options: LocateOptions): Places {
  return { cacheDir: options.cacheDir ?? DEFAULT_CACHE_DIR, env: options.env ?? process.env }
}
