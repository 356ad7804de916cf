import path from 'node:path'

/** As short as a path can be and still be found from `from`. */
export function shownPath(file: string, from: string = process.cwd()): string {
  const way = path.relative(from, file)
  return way === '' || way.startsWith('..') ? file : way
}
