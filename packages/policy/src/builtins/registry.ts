import { unsupported } from '../fetch/calls.ts'
import { awsBuiltins } from './aws.ts'
import type { Builtins } from './builtin.ts'
import { castBuiltins } from './casts.ts'
import { hashBuiltins } from './crypto/hash.ts'
import { keyPairBuiltins } from './crypto/key-pair.ts'
import { privateKeyBuiltins } from './crypto/private-keys.ts'
import { x509Builtins } from './crypto/x509.ts'
import { encodingBuiltins } from './encoding.ts'
import { evaluationBuiltins } from './evaluation.ts'
import { globBuiltins } from './glob.ts'
import { graphqlBuiltins } from './graphql/graphql.ts'
import { jsonBuiltins } from './json.ts'
import { jsonSchemaBuiltins } from './json-schema/json-schema.ts'
import { jwtBuiltins } from './jwt/jwt.ts'
import { netBuiltins } from './net.ts'
import { numberBuiltins } from './numbers.ts'
import { objectBuiltins } from './object.ts'
import { regexBuiltins } from './regex.ts'
import { semverBuiltins } from './semver.ts'
import { stringBuiltins } from './strings.ts'
import { timeBuiltins } from './time/time.ts'
import { unitBuiltins } from './units.ts'
import { uriBuiltins } from './uri.ts'
import { uuidBuiltins } from './uuid.ts'
import { yamlBuiltins } from './yaml.ts'

/** Every built-in that a module may ask its host for. */
export const HOST_BUILTINS: Builtins = {
  ...castBuiltins,
  ...encodingBuiltins,
  ...evaluationBuiltins,
  ...globBuiltins,
  ...graphqlBuiltins,
  ...awsBuiltins,
  ...hashBuiltins,
  ...keyPairBuiltins,
  ...privateKeyBuiltins,
  ...x509Builtins,
  ...jsonBuiltins,
  ...jsonSchemaBuiltins,
  ...jwtBuiltins,
  ...netBuiltins,
  ...numberBuiltins,
  ...objectBuiltins,
  ...regexBuiltins,
  ...semverBuiltins,
  ...stringBuiltins,
  ...timeBuiltins,
  ...unitBuiltins,
  ...uriBuiltins,
  ...uuidBuiltins,
  ...yamlBuiltins,
}

/** @throws {PolicyError} `builtin_unsupported` with what of these is missing */
export function requireBuiltins(called: Iterable<string>, builtins: Builtins): void {
  const missing = [...called].filter((name) => !Object.hasOwn(builtins, name)).sort()
  if (missing.length === 0) return
  const names = missing.map((name) => `\`${name}\``).join(', ')
  throw unsupported(`the policy needs the built-in ${names}, which is not supported`, missing)
}
