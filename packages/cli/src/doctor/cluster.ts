import { connectBus, seedFile, verifyPolicyStores, verifyStream } from '@verdict/bus'
import { DECISIONS, messageOf, SERVICES, type ServiceName } from '@verdict/contract'
import type { RunFile } from '../dev/run-file.ts'
import type { Finding } from './finding.ts'

const CONNECT_TIMEOUT_MS = 3_000
const READY_TIMEOUT_MS = 3_000
const DETAIL_CHARS_MAX = 300

/** What can be asked of a cluster that runs. */
export async function clusterFindings(
  run: RunFile | undefined,
  keysDir: string,
): Promise<Finding[]> {
  if (run === undefined) {
    return [{ subject: 'cluster', detail: 'not running: `npm start` starts it' }]
  }
  const services = SERVICES.map((name) => serviceFinding(name, run))
  return [await streamFinding(run.natsUrl, keysDir), ...(await Promise.all(services))]
}

async function streamFinding(url: string, keysDir: string): Promise<Finding> {
  const subject = 'stream'
  const role = 'operator'
  try {
    const nc = await connectBus({
      url,
      role,
      seedFile: seedFile(keysDir, role),
      name: 'verdict doctor',
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
    })
    try {
      await verifyStream(nc)
      await verifyPolicyStores(nc)
      return { subject, detail: `${DECISIONS.name} and the stores of policies are as declared` }
    } finally {
      await nc.close()
    }
  } catch (error) {
    return { subject, detail: 'not as it should be', fix: messageOf(error) }
  }
}

async function serviceFinding(name: ServiceName, run: RunFile): Promise<Finding> {
  const url = `http://127.0.0.1:${run.ports[`${name}Http`]}/readyz`
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(READY_TIMEOUT_MS) })
    const body = (await response.text()).slice(0, DETAIL_CHARS_MAX)
    if (response.ok) return { subject: name, detail: 'ready' }
    return { subject: name, detail: `not ready: ${body}`, fix: `see ${url} and its log` }
  } catch (error) {
    const fix = 'see what `verdict dev` says of it, and its log'
    return { subject: name, detail: `does not answer: ${messageOf(error)}`, fix }
  }
}
