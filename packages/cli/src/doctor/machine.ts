import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { publicKeys, seedFile } from '@verdict/bus'
import { messageOf, PORTS, type PortName, ROLES } from '@verdict/contract'
import { checkPorts, portsFrom, portsInUse } from '../dev/ports.ts'
import type { RunFile } from '../dev/run-file.ts'
import type { Finding } from './finding.ts'

/** Tokens and records tolerate less than this between two clocks. */
const CLOCK_DIFFERENCE_MAX_MS = 5_000
const CLOCK_TIMEOUT_MS = 2_000

/** Whether the ports are ours, or free. */
export async function portsFinding(
  run: RunFile | undefined,
  portBase: number | undefined,
): Promise<Finding> {
  const subject = 'ports'
  if (run !== undefined) {
    const used = Object.keys(PORTS).flatMap((name) => run.ports[name as PortName] ?? [])
    return { subject, detail: `held by \`verdict dev\` (pid ${run.pid}): ${used.join(', ')}` }
  }
  try {
    await checkPorts(portsFrom(portBase), portsInUse(true), '127.0.0.1')
    return { subject, detail: 'all free' }
  } catch (error) {
    return { subject, detail: 'not all free', fix: messageOf(error) }
  }
}

/** Whether the clock of this process is that of the cluster, or of the disk where none runs. */
export async function clockFinding(run: RunFile | undefined, dataDir: string): Promise<Finding> {
  const subject = 'clock'
  const other = run === undefined ? await diskTime(dataDir) : await serverTime(run.auditUrl)
  if (other === undefined) return { subject, detail: `${new Date().toISOString()}, not compared` }
  const differenceMs = Math.abs(Date.now() - other.time)
  const detail = `${new Date().toISOString()}, as ${other.name} has it`
  if (differenceMs <= CLOCK_DIFFERENCE_MAX_MS) return { subject, detail }
  const seconds = Math.round(differenceMs / 1000)
  return {
    subject,
    detail: `${seconds} s from that of ${other.name}`,
    fix: 'set the clocks by NTP: tokens would expire early or late',
  }
}

/** Whether every role has a key that only its owner can read. */
export async function keysFinding(keysDir: string): Promise<Finding> {
  const subject = 'keys'
  const open: string[] = []
  for (const role of ROLES) {
    const file = seedFile(keysDir, role)
    const mode = await stat(file).then(
      (found) => found.mode & 0o777,
      () => undefined,
    )
    if (mode === undefined) {
      const none = `none in ${keysDir} for ${role}`
      return { subject, detail: `${none}: \`verdict dev\` makes those that are missing` }
    }
    if ((mode & 0o077) !== 0) open.push(file)
  }
  if (open.length > 0) {
    return { subject, detail: 'others can read them', fix: `chmod 600 ${open.join(' ')}` }
  }
  try {
    await publicKeys(keysDir)
    return { subject, detail: `${ROLES.length} in ${keysDir}, readable by their owner alone` }
  } catch (error) {
    return { subject, detail: 'not all are keys', fix: messageOf(error) }
  }
}

type Clock = { readonly name: string; readonly time: number } | undefined

async function serverTime(auditUrl: string): Promise<Clock> {
  try {
    const signal = AbortSignal.timeout(CLOCK_TIMEOUT_MS)
    const response = await fetch(new URL('/healthz', auditUrl), { signal })
    await response.body?.cancel()
    const time = Date.parse(response.headers.get('date') ?? '')
    return Number.isNaN(time) ? undefined : { name: 'audit', time }
  } catch {
    // It does not answer: another finding says so.
    return undefined
  }
}

/** The time that the file system writes, which is another machine's where it is a network's. */
async function diskTime(dataDir: string): Promise<Clock> {
  let folder: string | undefined
  try {
    folder = await mkdtemp(path.join(dataDir, 'doctor-'))
    const file = path.join(folder, 'now')
    await writeFile(file, '')
    return { name: 'the disk', time: (await stat(file)).mtimeMs }
  } catch {
    // There is no data folder yet, or it is not ours.
    return undefined
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  }
}
