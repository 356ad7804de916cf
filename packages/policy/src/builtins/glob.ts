import type { Builtins } from './builtin.ts'
import { stringOf } from './operands.ts'

export const globBuiltins: Builtins = {
  'glob.quote_meta': (_, text) => stringOf(text).replaceAll(/[*?\\[\]{}]/g, '\\$&'),
}
