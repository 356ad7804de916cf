import { compare } from '../../value/compare.ts'
import {
  isArray,
  isNumber,
  numberOf,
  textOf as numberText,
  type RegoObject,
  type Value,
} from '../../value/value.ts'
import { BuiltinError, type Evaluation } from '../builtin.ts'
import { numberOperand, objectOperand, stringOf } from '../operands.ts'
import type { Jwk } from './jwk.ts'
import { verificationKeys } from './keys.ts'
import { ALGORITHMS, isSigned } from './signature.ts'
import {
  bytesOf,
  headerOf,
  jsonObject,
  parseHeader,
  type Token,
  type TokenHeader,
  textOf,
  tokenOf,
} from './token.ts'

const NS_PER_SECOND = 1e9
const UNVERIFIED: Value = [false, new Map(), new Map()]

interface Constraints {
  readonly keys: readonly Jwk[]
  readonly alg: string
  readonly iss: string
  readonly aud: string
  /** In nanoseconds. */
  readonly time: number
}

/** Whether a token is signed and meets the constraints, with its header and its payload. */
export function decodeVerified(
  evaluation: Evaluation,
  token: Value | undefined,
  constraints: Value | undefined,
): Value {
  const wanted = constraintsOf(evaluation, objectOperand(constraints))
  let nested: Value | undefined = token
  // Each turn takes a token out of the payload of the one before it, which is longer.
  for (;;) {
    const parts = tokenOf(nested)
    evaluation.spend(stringOf(nested).length)
    const header = headerOf(parts)
    const parsed = parseHeader(header)
    if (!parsed.isUnderstood) return UNVERIFIED
    if (wanted.alg !== '' && wanted.alg !== parsed.alg) return UNVERIFIED
    if (!isVerified(evaluation, wanted.keys, parts, parsed)) return UNVERIFIED
    nested = textOf(parts.payload)
    if (parsed.cty.toUpperCase() === 'JWT') continue
    const payload = jsonObject(nested)
    return isMet(wanted, payload) ? [true, header, payload] : UNVERIFIED
  }
}

function isVerified(
  evaluation: Evaluation,
  keys: readonly Jwk[],
  { header, payload, signature }: Token,
  { alg, kid }: TokenHeader,
): boolean {
  const bytes = bytesOf(signature)
  // The name of one algorithm of EdDSA is as good as that of all.
  const algorithm = ALGORITHMS.get(alg === 'Ed25519' ? 'EdDSA' : alg)
  if (algorithm === undefined) return false
  const content = `${header}.${payload}`
  const verified = ({ key }: Jwk) =>
    isSigned(evaluation, { algorithm, key, content, signature: bytes }, true)
  const named = kid === '' ? undefined : keys.find((key) => key.kid === kid)
  if (named !== undefined) return verified(named)
  return keys.some((key) => (key.alg === '' || key.alg === alg) && verified(key))
}

function constraintsOf(evaluation: Evaluation, object: RegoObject): Constraints {
  for (const name of object.keys()) {
    if (!KNOWN.has(stringOf(name))) throw new BuiltinError('a constraint that is not known')
  }
  const text = (name: string) => (object.has(name) ? stringOf(object.get(name)) : '')
  const secret = Buffer.from(text('secret'), 'utf8')
  const hasCertificate = object.has('cert')
  if (hasCertificate === secret.length > 0) throw new BuiltinError('one key must be given')
  const cert = text('cert')
  evaluation.spend(cert.length)
  return {
    keys: hasCertificate ? verificationKeys(cert) : [{ alg: '', kid: '', key: secret }],
    alg: text('alg'),
    iss: text('iss'),
    aud: text('aud'),
    time: timeOf(object.get('time'), evaluation),
  }
}

const KNOWN: ReadonlySet<string> = new Set(['cert', 'secret', 'alg', 'iss', 'aud', 'time'])

function timeOf(value: Value | undefined, evaluation: Evaluation): number {
  if (value === undefined) return Number(evaluation.nowNs)
  const time = Number(numberText(numberOperand(value)))
  if (time < 0 || !Number.isFinite(time)) throw new BuiltinError('the time must not be negative')
  return time
}

function isMet({ iss, aud, time }: Constraints, payload: RegoObject): boolean {
  const issuer = payload.get('iss')
  if (iss !== '' && (issuer === undefined || stringOf(issuer) !== iss)) return false
  const audience = payload.get('aud')
  if (audience === undefined ? aud !== '' : !isAudience(audience, aud)) return false
  const now = numberOf(String(time / NS_PER_SECOND))
  const expiry = payload.get('exp')
  if (expiry !== undefined && compare(now, claimed(expiry)) >= 0) return false
  const begin = payload.get('nbf')
  return begin === undefined || compare(now, claimed(begin)) >= 0
}

function isAudience(audience: Value, wanted: string): boolean {
  return isArray(audience) ? audience.includes(wanted) : audience === wanted
}

function claimed(value: Value): Value {
  if (!isNumber(value)) throw new BuiltinError('a time in the token must be a number')
  return value
}
