import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { packFiles } from '../src/bundle/archive.ts'
import { type BundleKey, type KeyAlgorithm, VerificationKeys } from '../src/bundle/keys.ts'

export interface KeyPair {
  readonly signing: BundleKey
  readonly trusted: BundleKey
  readonly privatePem: string
  readonly publicPem: string
}

export function keyPair(id: string, algorithm: KeyAlgorithm = 'EdDSA', scope?: string): KeyPair {
  const { privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject } =
    algorithm === 'EdDSA'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const about = { id, algorithm, ...(scope !== undefined && { scope }) }
  return {
    signing: { ...about, key: privateKey },
    trusted: { ...about, key: publicKey },
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  }
}

export function trust(...keys: readonly KeyPair[]): VerificationKeys {
  return new VerificationKeys(keys.map(({ trusted }) => trusted))
}

export type Texts = Readonly<Record<string, string | Uint8Array>>

/** What every bundle needs, but for a module that can be run. */
export const SMALL: Texts = {
  '.manifest': JSON.stringify({
    revision: 'small',
    roots: ['shop'],
    wasm: [{ entrypoint: 'shop/allow', module: '/policy.wasm' }],
    rego_version: 1,
    metadata: { verdict: { serial: 7 } },
  }),
  'data.json': '{"shop":{"open":true}}',
  'shop.rego': 'package shop\n\nallow if data.shop.open\n',
  'policy.wasm': 'not looked at',
  'plan.json': '{}',
}

export async function archiveOf(files: Texts): Promise<Uint8Array> {
  return await packFiles(
    new Map(Object.entries(files).map(([name, content]) => [name, Buffer.from(content)])),
  )
}

/** The code that something is refused with. */
export async function refusal(work: () => unknown): Promise<string> {
  try {
    await work()
  } catch (error) {
    const { code } = error as { code?: unknown }
    if (typeof code === 'string') return code
    throw error
  }
  return 'not refused'
}
