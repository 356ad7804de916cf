import path from 'node:path'
import { LOG_DIR } from './log-folder.ts'
import type { LogFs } from './log-fs.ts'
import { FIRST_SHARD } from './shard-name.ts'
import { STAGED_DIR } from './staged-entries.ts'

/**
 * The files of one shard as if it were the only one: `log/…` is `log/<shard>/…`, and `staged/…` is
 * `staged/<shard>/…`. The first shard of a log that was begun without shards has its files where
 * they were.
 */
export function shardFs(fs: LogFs, shard: string): LogFs {
  if (shard === FIRST_SHARD) return fs
  const at = (name: string): string => {
    const [top = '', ...rest] = name.split('/')
    return path.join(top, shard, ...rest)
  }
  return {
    read: (file) => fs.read(at(file)),
    list: (dir) => fs.list(at(dir)),
    makeDir: (dir) => fs.makeDir(at(dir)),
    open: (file) => fs.open(at(file)),
    writeMeanwhile: (file, bytes, parts) =>
      fs.writeMeanwhile(at(file), bytes, { ...parts, beside: at(parts.beside) }),
    rename: (from, to) => fs.rename(at(from), at(to)),
    remove: (name) => fs.remove(at(name)),
    syncDir(dir) {
      if (dir !== '.') return fs.syncDir(at(dir))
      // Whoever syncs the top has made a directory in it, which is below these two.
      for (const top of [LOG_DIR, STAGED_DIR]) fs.syncDir(top)
    },
  }
}

/** Makes the directories that hold those of the shards. */
export function makeShardDirs(fs: LogFs): void {
  for (const top of [LOG_DIR, STAGED_DIR]) fs.makeDir(top)
  fs.syncDir('.')
}
