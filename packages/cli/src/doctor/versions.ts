import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { messageOf } from '@verdict/contract'
import { type Environment, findTool, TOOL_SOURCES, type Tool } from '@verdict/toolchain'
import type { Finding } from './finding.ts'

const NODE_MINIMUM = [24, 15] as const
const GO_TIMEOUT_MS = 10_000

/** The programs that Verdict needs, and what builds those that are missing. */
export async function versionFindings(env: Environment): Promise<Finding[]> {
  const go = await goVersion(env)
  return [
    nodeFinding(process.versions.node),
    await toolFinding('opa', { env, builder: go && 'Go builds it at the next `npm start`' }),
    await toolFinding('nats-server', {
      env,
      builder: go && 'Go builds it at the next `npm start`',
    }),
    await toolFinding('envoy', { env, builder: 'only the demo uses it' }),
    { subject: 'go', detail: go ?? 'not installed, and only needed to build opa and nats-server' },
  ]
}

export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [needMajor, needMinor] = NODE_MINIMUM
  const enough = major > needMajor || (major === needMajor && minor >= needMinor)
  if (enough) return { subject: 'node', detail: version }
  return {
    subject: 'node',
    detail: version,
    fix: `run with Node.js ${NODE_MINIMUM.join('.')} or newer`,
  }
}

async function toolFinding(
  tool: Tool,
  { env, builder }: { env: Environment; builder: string | undefined },
): Promise<Finding> {
  try {
    const found = await findTool(tool, { env })
    if (found !== undefined) return { subject: tool, detail: `${found.version} (${found.path})` }
    const { minimum, setting } = TOOL_SOURCES[tool]
    const detail = `not found at ${minimum} or newer`
    if (builder !== undefined) return { subject: tool, detail: `${detail}: ${builder}` }
    return {
      subject: tool,
      detail,
      fix: `install Go, which builds it, or set ${setting} to its file`,
    }
  } catch (error) {
    return { subject: tool, detail: 'not usable', fix: messageOf(error) }
  }
}

async function goVersion(env: Environment): Promise<string | undefined> {
  try {
    const options = { env: { ...env }, timeout: GO_TIMEOUT_MS }
    const { stdout } = await promisify(execFile)('go', ['version'], options)
    return /go(\d+\.\d+\S*)/.exec(stdout)?.[1]
  } catch {
    // It is not there, or does not run.
    return undefined
  }
}
