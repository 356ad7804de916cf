import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { GatewayPorts } from './gateway.ts'
import { GatewayProcess } from './gateway-process.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const CONFIGURATION = resolve(import.meta.dirname, '../../../deploy/nginx/nginx.conf')

/** The nginx of this machine, or undefined. */
export function nginxBinary(): string | undefined {
  const found = spawnSync('nginx', ['-v'], { timeout: 5_000 })
  return found.status === 0 ? 'nginx' : undefined
}

/** nginx with deploy/nginx/nginx.conf, its ports and files moved for the test. */
export async function startNginx({
  listen,
  authz,
  upstream,
}: GatewayPorts): Promise<GatewayProcess> {
  const scratch = temporaryDirectory()
  const file = join(scratch.path, 'nginx.conf')
  const text = readFileSync(CONFIGURATION, 'utf8')
    .replace('127.0.0.1:10080', `127.0.0.1:${listen}`)
    .replace('127.0.0.1:8181', `127.0.0.1:${authz}`)
    .replace('127.0.0.1:10001', `127.0.0.1:${upstream}`)
    .replaceAll('/tmp/verdict-nginx', join(scratch.path, 'nginx'))
  writeFileSync(file, text)
  const args = ['-c', file, '-p', scratch.path]
  return await GatewayProcess.start({ name: 'nginx', binary: 'nginx', args, scratch, port: listen })
}
