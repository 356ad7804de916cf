import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'

export const TEST_ISSUER = 'https://issuer.test'
export const TEST_AUDIENCE = 'shop'

/** An issuer of real tokens, with its JWKS in a file as authn reads it. */
export class TestIssuer {
  readonly issuersFile: string
  readonly #key: CryptoKey

  private constructor(issuersFile: string, key: CryptoKey) {
    this.issuersFile = issuersFile
    this.#key = key
  }

  static async create(directory: string): Promise<TestIssuer> {
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    const jwks = join(directory, 'jwks.json')
    const key = { ...(await exportJWK(publicKey)), kid: 'test', alg: 'ES256', use: 'sig' }
    writeFileSync(jwks, JSON.stringify({ keys: [key] }))
    const issuersFile = join(directory, 'issuers.json')
    const issuer = { issuer: TEST_ISSUER, audiences: [TEST_AUDIENCE], jwks: { file: jwks } }
    writeFileSync(issuersFile, JSON.stringify({ issuers: [issuer] }))
    return new TestIssuer(issuersFile, privateKey)
  }

  /** A signed token; `expires` as jose takes it, such as `1h` or a time in seconds. */
  async token(
    subject: string,
    claims: JWTPayload = {},
    expires: string | number = '1h',
  ): Promise<string> {
    return await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', kid: 'test' })
      .setSubject(subject)
      .setIssuer(TEST_ISSUER)
      .setAudience(TEST_AUDIENCE)
      .setIssuedAt()
      .setExpirationTime(expires)
      .sign(this.#key)
  }
}
