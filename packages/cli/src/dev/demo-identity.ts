import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose'

export const DEMO_ISSUER = 'https://demo.verdict.example'
export const DEMO_AUDIENCE = 'shop'
const ALGORITHM = 'ES256'
const TOKEN_LIFETIME_MS = 24 * 3_600_000
/** Tokens are made anew long before they expire. */
const RENEWAL_INTERVAL_MS = TOKEN_LIFETIME_MS / 2
const SECRET = 0o600

const USERS = [
  { name: 'alice', roles: ['customer'] },
  { name: 'bob', roles: ['support'] },
  // Of the audit log: who reads it, and who erases and holds what is in it.
  { name: 'auditor', roles: ['audit:read'] },
  { name: 'custodian', roles: ['audit:read', 'audit:admin'] },
] as const
export type DemoUser = (typeof USERS)[number]['name']

/** An issuer for the demo: its key stays on this machine, and whoever reads it can be anybody. */
export interface DemoIdentity {
  /** What authn is given. */
  readonly issuersFile: string
  /** A header for curl's `-H @FILE`. */
  readonly headerFile: (user: DemoUser) => string
  stop(): void
}

/** Makes the issuer, or finds the one of the last time, and keeps the users' tokens fresh. */
export async function createDemoIdentity(
  dir: string,
  onError: (error: unknown) => void,
): Promise<DemoIdentity> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const key = await privateKey(path.join(dir, 'issuer.jwk'))
  const { d: _, ...publicKey } = key
  await write(path.join(dir, 'jwks.json'), JSON.stringify({ keys: [publicKey] }, null, 2))
  const issuersFile = path.join(dir, 'issuers.json')
  const issuer = {
    issuer: DEMO_ISSUER,
    audiences: [DEMO_AUDIENCE],
    jwks: { file: 'jwks.json' },
    algorithms: [ALGORITHM],
  }
  await write(issuersFile, JSON.stringify({ issuers: [issuer] }, null, 2))
  const headerFile = (user: DemoUser): string => path.join(dir, `${user}.header`)
  const renew = async (): Promise<void> => {
    for (const { name, roles } of USERS) {
      const token = await sign(key, { sub: name, roles })
      await write(headerFile(name), `authorization: Bearer ${token}`)
    }
  }
  await renew()
  const timer = setInterval(() => renew().catch(onError), RENEWAL_INTERVAL_MS)
  return { issuersFile, headerFile, stop: () => clearInterval(timer) }
}

type PrivateKey = Awaited<ReturnType<typeof exportJWK>>

async function privateKey(file: string): Promise<PrivateKey> {
  try {
    const key = JSON.parse(await readFile(file, 'utf8'))
    // What can't sign is of no use: a new one is made.
    await sign(key, {})
    return key
  } catch {
    const pair = await generateKeyPair(ALGORITHM, { extractable: true })
    const jwk = await exportJWK(pair.privateKey)
    const key = { ...jwk, alg: ALGORITHM, use: 'sig', kid: await calculateJwkThumbprint(jwk) }
    await write(file, JSON.stringify(key, null, 2))
    return key
  }
}

async function sign(key: PrivateKey, claims: Record<string, unknown>): Promise<string> {
  const now = Date.now()
  return await new SignJWT(claims)
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT', ...(key.kid && { kid: key.kid }) })
    .setIssuer(DEMO_ISSUER)
    .setAudience(DEMO_AUDIENCE)
    .setIssuedAt(Math.floor(now / 1000))
    .setExpirationTime(Math.floor((now + TOKEN_LIFETIME_MS) / 1000))
    .sign(await importJWK(key, ALGORITHM))
}

/** A reader sees the old content or the new, never a part. */
async function write(file: string, content: string): Promise<void> {
  await writeFile(`${file}.new`, `${content}\n`, { mode: SECRET })
  await rename(`${file}.new`, file)
}
