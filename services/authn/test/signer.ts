import {
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  SignJWT,
} from 'jose'

export const ISSUER = 'https://id.example.com'
export const AUDIENCE = 'shop'

/** Also what no issuer would sign; `undefined` leaves a claim out. */
export type Claims = Readonly<Record<string, unknown>>

/** A key pair that signs tokens, as an issuer does. */
export interface Signer {
  /** The public key, as it stands in a JWK Set. */
  readonly jwk: JWK
  /** A signed token of ISSUER for AUDIENCE, subject `alice`, an hour long; claims override. */
  token(claims?: Claims, header?: Partial<JWTHeaderParameters>): Promise<string>
}

export async function createSigner(alg: string, kid: string): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }
  return { jwk, token: (claims, header) => sign(privateKey, { alg, kid, ...header }, claims) }
}

/** The time in seconds, as tokens carry it. */
export function secondsFromNow(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds
}

/** A JWK Set as text. */
export function keySet(...signers: readonly Signer[]): string {
  return JSON.stringify({ keys: signers.map(({ jwk }) => jwk) })
}

/** Three segments that nobody signed. */
export function forge(header: object, claims: object | string, signature = ''): string {
  const encode = (value: object | string) =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
  return `${encode(header)}.${encode(claims)}.${signature}`
}

async function sign(
  key: CryptoKey,
  header: JWTHeaderParameters,
  claims: Claims = {},
): Promise<string> {
  const common = { iss: ISSUER, aud: AUDIENCE, sub: 'alice', exp: secondsFromNow(3600) }
  const payload = Object.entries({ ...common, ...claims }).filter(
    ([, value]) => value !== undefined,
  )
  return await new SignJWT(Object.fromEntries(payload)).setProtectedHeader(header).sign(key)
}
