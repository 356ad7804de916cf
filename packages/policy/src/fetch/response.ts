import { messageOf } from '@verdict/contract'
import { BuiltinError } from '../builtins/builtin.ts'
import { readJson } from '../go/read-json.ts'
import { decoded } from '../go/utf8.ts'
import { readYaml } from '../go/yaml-read.ts'
import { objectOf } from '../value/compare.ts'
import type { Value } from '../value/value.ts'
import type { HttpResponse } from './exchange.ts'
import { firstOf, type ResponseHeaders } from './headers.ts'
import type { Decoding } from './request.ts'

const JSON_TYPE = /^\s*application\/(?:json|[^;\s/]*\+json)\s*(?:;|$)/i
const YAML_TYPE = /application\/(?:x-)?yaml/
/** What reading a text as YAML may cost; one that costs more, such as by its aliases, is none. */
const YAML_UNITS_MAX = 15_000_000

/** What `http.send` gives. */
export function responseValue(
  { status, statusCode, headers, body }: HttpResponse,
  decoding: Decoding,
): Value {
  const text = decoded(body)
  return objectOf([
    ['status', status],
    ['status_code', statusCode],
    ['body', bodyValue(text, headers, decoding)],
    ['raw_body', text],
    ['headers', objectOf([...headers])],
  ])
}

/** A body that is not of its type is null, as in OPA. */
function bodyValue(text: string, headers: ResponseHeaders, decoding: Decoding): Value {
  const type = firstOf(headers, 'content-type')
  if (decoding === 'json' || JSON_TYPE.test(type)) return firstJson(text)
  if (decoding === 'yaml' || YAML_TYPE.test(type)) return yamlValue(text)
  return null
}

/** OPA reads one document and leaves what follows it: V8 says where that begins. */
function firstJson(text: string): Value {
  try {
    JSON.parse(text)
  } catch (error) {
    const [, end] = /after JSON at position (\d+)/.exec(messageOf(error)) ?? []
    return end === undefined ? null : (readJson(text.slice(0, Number(end))) ?? null)
  }
  return readJson(text) ?? null
}

function yamlValue(text: string): Value {
  let left = YAML_UNITS_MAX
  try {
    return readYaml(text, (units) => {
      left -= units
      if (left < 0) throw new BuiltinError('it is too long')
    })
  } catch (error) {
    if (error instanceof BuiltinError) return null
    throw error
  }
}
