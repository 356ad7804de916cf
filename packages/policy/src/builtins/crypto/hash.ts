import { createHash } from 'node:crypto'
import type { Builtin, Builtins } from '../builtin.ts'
import { hmac, isEqual } from '../jwt/signature.ts'
import { stringOf } from '../operands.ts'

export const hashBuiltins: Builtins = {
  'crypto.md5': hashed('md5'),
  'crypto.sha1': hashed('sha1'),
  'crypto.sha256': hashed('sha256'),
  'crypto.hmac.md5': authenticated('md5'),
  'crypto.hmac.sha1': authenticated('sha1'),
  'crypto.hmac.sha256': authenticated('sha256'),
  'crypto.hmac.sha512': authenticated('sha512'),
  'crypto.hmac.equal': (_, left, right) =>
    isEqual(Buffer.from(stringOf(left), 'utf8'), Buffer.from(stringOf(right), 'utf8')),
}

function hashed(name: string): Builtin {
  return (evaluation, text) => {
    evaluation.spend(stringOf(text).length)
    return createHash(name).update(stringOf(text), 'utf8').digest('hex')
  }
}

function authenticated(name: string): Builtin {
  return (evaluation, text, key) => {
    evaluation.spend(stringOf(text).length + stringOf(key).length)
    return hmac(name, Buffer.from(stringOf(key), 'utf8'), stringOf(text)).toString('hex')
  }
}
