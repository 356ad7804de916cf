import { goJson, jsonValue } from '../../go/json.ts'
import { readJson } from '../../go/read-json.ts'
import { isObject, type Value } from '../../value/value.ts'
import { type Builtin, BuiltinError, type Builtins, type Evaluation } from '../builtin.ts'
import { stringOf } from '../operands.ts'
import { decodeVerified } from './decode-verify.ts'
import { parseJwks } from './jwk.ts'
import { verificationKeys } from './keys.ts'
import { ALGORITHMS, hmac, isEqual, isSigned, signatureOf } from './signature.ts'
import { bytesOf, headerOf, jsonObject, parseHeader, textOf, tokenOf } from './token.ts'

export const jwtBuiltins: Builtins = {
  'io.jwt.decode': (evaluation, token) => decodedToken(evaluation, token),
  'io.jwt.decode_verify': decodeVerified,
  'io.jwt.encode_sign': (evaluation, header, payload, key) => {
    const [headerJson, payloadJson, keyJson] = [header, payload, key].map((value) =>
      goJson(jsonValue(value as Value)),
    )
    return signed(evaluation, headerJson ?? '', payloadJson ?? '', keyJson ?? '')
  },
  'io.jwt.encode_sign_raw': (evaluation, header, payload, key) =>
    signed(evaluation, stringOf(header), stringOf(payload), stringOf(key)),
  ...Object.fromEntries(
    [...ALGORITHMS.keys()].map((alg) => [`io.jwt.verify_${alg.toLowerCase()}`, verifier(alg)]),
  ),
}

/** Signed once for each evaluation: with some algorithms, no two signatures are the same. */
function signed(evaluation: Evaluation, header: string, payload: string, key: string): Value {
  const operands = JSON.stringify([header, payload, key])
  return evaluation.once(`io.jwt.encode_sign ${operands}`, () =>
    encodeSigned(evaluation, header, payload, key),
  )
}

function decodedToken(evaluation: Evaluation, token: Value | undefined): Value {
  evaluation.spend(stringOf(token).length)
  const parts = tokenOf(token)
  const header = headerOf(parts)
  const text = textOf(parts.payload)
  if (header.has('cty') && stringOf(header.get('cty')) === 'JWT') {
    return decodedToken(evaluation, text.replace(/^["']+/, '').replace(/["']+$/, ''))
  }
  const payload = jsonObject(text)
  return [header, payload, Buffer.from(bytesOf(parts.signature)).toString('hex')]
}

function verifier(alg: string): Builtin {
  return alg.startsWith('HS')
    ? (evaluation, token, secret) => isSecretly(evaluation, alg, token, secret)
    : (evaluation, token, keys) => isVerified(evaluation, alg, token, keys)
}

function isSecretly(
  evaluation: Evaluation,
  alg: string,
  token: Value | undefined,
  secret: Value | undefined,
): boolean {
  const key = Buffer.from(stringOf(secret), 'utf8')
  const { header, payload, signature } = tokenOf(token)
  evaluation.spend(header.length + payload.length + key.length)
  const made = hmac(ALGORITHMS.get(alg)?.hash ?? '', key, `${header}.${payload}`)
  return isEqual(made, bytesOf(signature))
}

function isVerified(
  evaluation: Evaluation,
  alg: string,
  token: Value | undefined,
  text: Value | undefined,
): boolean {
  const algorithm = ALGORITHMS.get(alg)
  const parts = tokenOf(token)
  evaluation.spend(stringOf(token).length + stringOf(text).length)
  const keys = verificationKeys(stringOf(text))
  const signature = bytesOf(parts.signature)
  const header = parseHeader(headerOf(parts))
  if (algorithm === undefined) return false
  const content = `${parts.header}.${parts.payload}`
  const named = header.kid === '' ? undefined : keys.find(({ kid }) => kid === header.kid)
  const candidates =
    named === undefined ? keys.filter((key) => key.alg === '' || key.alg === header.alg) : [named]
  return candidates.some(({ key }) =>
    isSigned(evaluation, { algorithm, key, content, signature }, false),
  )
}

function encodeSigned(
  evaluation: Evaluation,
  header: string,
  payload: string,
  keys: string,
): string {
  evaluation.spend(2 * (header.length + payload.length + keys.length))
  const [key] = parseJwks(keys)
  const names = readJson(header)
  const alg = names !== undefined && isObject(names) ? names.get('alg') : undefined
  const algorithm = typeof alg === 'string' ? ALGORITHMS.get(alg) : undefined
  if (key === undefined || algorithm === undefined) throw new BuiltinError('no key or algorithm')
  const type = names !== undefined && isObject(names) ? names.get('typ') : undefined
  if ((typeof type !== 'string' || type === 'JWT') && readJson(payload) === undefined) {
    throw new BuiltinError('the payload of a token must be JSON')
  }
  const parts = [header, payload].map((part) => Buffer.from(part, 'utf8').toString('base64url'))
  const content = parts.join('.')
  const signature = signatureOf(evaluation, algorithm, key.key, content)
  if (signature === undefined) throw new BuiltinError('the key does not sign this')
  return `${content}.${signature.toString('base64url')}`
}
