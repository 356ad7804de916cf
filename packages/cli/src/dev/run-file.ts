import { execFile } from 'node:child_process'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { PortName } from '@verdict/contract'

/** What an earlier run left behind may end by itself for this long, then again after SIGTERM. */
const ORPHAN_TIMEOUT_MS = 15_000
const POLL_MS = 100
const PS_TIMEOUT_MS = 5_000

/** A process of a running cluster. */
export interface RunningProcess {
  readonly name: string
  readonly pid: number
  readonly ports: readonly number[]
  /** A part of its command line, by which it is known from another of the same pid. */
  readonly commandPart: string
  /** It ends by itself when `verdict dev` does. */
  readonly endsWithParent: boolean
}

/** `<data-dir>/run.json`: what `verdict dev` runs just now. */
export interface RunFile {
  /** Of `verdict dev` itself. */
  readonly pid: number
  readonly startedAt: string
  readonly demo: boolean
  readonly ports: Readonly<Partial<Record<PortName, number>>>
  readonly natsUrl: string
  readonly auditUrl: string
  readonly processes: readonly RunningProcess[]
}

/** Undefined where no cluster runs, and none was killed. */
export async function readRunFile(dataDir: string): Promise<RunFile | undefined> {
  try {
    return JSON.parse(await readFile(fileOf(dataDir), 'utf8'))
  } catch {
    // Absent, or not ours to understand: as good as absent.
    return undefined
  }
}

export async function writeRunFile(dataDir: string, content: RunFile): Promise<void> {
  const file = fileOf(dataDir)
  await writeFile(`${file}.new`, `${JSON.stringify(content, null, 2)}\n`)
  await rename(`${file}.new`, file)
}

export async function removeRunFile(dataDir: string): Promise<void> {
  await rm(fileOf(dataDir), { force: true })
}

/** Ends what a `verdict dev` that was killed left running; tells each by name. */
export async function endOrphans(
  { processes }: RunFile,
  onOrphan: (orphan: RunningProcess) => void,
): Promise<void> {
  for (const orphan of processes) {
    if (!(await runs(orphan))) continue
    onOrphan(orphan)
    if (!orphan.endsWithParent) signal(orphan, 'SIGTERM')
    if (await ended(orphan)) continue
    signal(orphan, 'SIGKILL')
    await ended(orphan)
  }
}

/** Whether a process of that pid is there and is still the one that was meant. */
async function runs({ pid, commandPart }: RunningProcess): Promise<boolean> {
  return (await commandLine(pid))?.includes(commandPart) ?? false
}

async function commandLine(pid: number): Promise<string | undefined> {
  try {
    if (process.platform === 'linux') {
      return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ')
    }
    const args = ['-o', 'command=', '-p', String(pid)]
    return (await promisify(execFile)('ps', args, { timeout: PS_TIMEOUT_MS })).stdout
  } catch {
    // There is no such process.
    return undefined
  }
}

async function ended(orphan: RunningProcess): Promise<boolean> {
  const deadline = performance.now() + ORPHAN_TIMEOUT_MS
  while (performance.now() < deadline) {
    if (!(await runs(orphan))) return true
    await delay(POLL_MS)
  }
  return false
}

function signal({ pid }: RunningProcess, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It ended in between.
  }
}

function fileOf(dataDir: string): string {
  return path.join(dataDir, 'run.json')
}
