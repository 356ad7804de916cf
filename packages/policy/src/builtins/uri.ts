import { parseUrl } from '../go/url.ts'
import { objectOf } from '../value/compare.ts'
import { BuiltinError, type Builtins } from './builtin.ts'
import { stringOf } from './operands.ts'

export const uriBuiltins: Builtins = {
  'uri.is_valid': (_, text) =>
    typeof text === 'string' && text !== '' && parseUrl(text) !== undefined,
  'uri.parse': (_, text) => {
    const url = parseUrl(stringOf(text))
    if (url === undefined) throw new BuiltinError('the operand is no URI')
    const { scheme, hostname, port, path, rawPath, rawQuery, fragment } = url
    const parts = {
      scheme,
      hostname,
      port,
      path,
      raw_path: path === '' ? '' : rawPath || path,
      raw_query: rawQuery,
      fragment,
    }
    return objectOf(Object.entries(parts).filter(([, part]) => part !== ''))
  },
}
