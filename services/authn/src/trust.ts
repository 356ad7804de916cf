import { messageOf } from '@verdict/contract'
import { ConfigError } from '@verdict/service'
import type { AuthnConfig } from './config.ts'
import { settings } from './config.ts'
import { AuthnError } from './errors.ts'
import type { Events } from './events.ts'
import { type Issuer, readIssuersFile } from './issuers.ts'
import { KeyFile } from './key-file.ts'
import type { KeyListener, KeySource } from './key-set.ts'
import { KeyUrl } from './key-url.ts'
import type { TrustedIssuer } from './token.ts'

/**
 * The issuers of the configured file, with their keys: those in files are read, those at URLs are
 * on their way.
 * @throws {ConfigError} with everything that is wrong with the file and the files it names
 */
export async function loadTrust(config: AuthnConfig, events: Events): Promise<TrustedIssuer[]> {
  if (config.issuersFile === undefined) return []
  const file = await readIssuersFile(config.issuersFile)
  if ('problems' in file) throw unusable(config.issuersFile, file.problems)
  const problems: string[] = []
  const trusted: TrustedIssuer[] = []
  for (const issuer of file.issuers) {
    try {
      const source = await openKeys(issuer, config, events.keysOf(issuer.issuer))
      trusted.push({ ...issuer, source })
    } catch (thrown) {
      if (!(thrown instanceof AuthnError)) throw thrown
      problems.push(`\`${issuer.issuer}\`: ${messageOf(thrown)}`)
    }
  }
  if (problems.length > 0) throw unusable(config.issuersFile, problems)
  return trusted
}

async function openKeys(
  { keys }: Issuer,
  config: AuthnConfig,
  listener: KeyListener,
): Promise<KeySource> {
  if ('file' in keys) return await KeyFile.open(keys.file, listener)
  const source = new KeyUrl(
    keys.url,
    {
      refreshMs: config.jwksRefreshMs,
      staleMaxMs: config.jwksStaleMaxMs,
      cooldownMs: config.jwksCooldownMs,
      timeoutMs: config.jwksTimeoutMs,
    },
    listener,
  )
  source.refreshWhenDue()
  return source
}

function unusable(file: string, problems: readonly string[]): ConfigError {
  const { env } = settings.issuersFile
  return new ConfigError(
    problems.map((problem) => ({ env, message: `${env} \`${file}\`: ${problem}` })),
  )
}
