import type { Builtins } from '../builtin.ts'
import { aggregateBuiltins } from './aggregates.ts'
import { arithmeticBuiltins } from './arithmetic.ts'
import { arrayBuiltins } from './arrays.ts'
import { bitBuiltins } from './bits.ts'
import { comparisonBuiltins } from './comparison.ts'
import { nativeEncodingBuiltins } from './encoding.ts'
import { nativeGlobBuiltins } from './glob.ts'
import { graphBuiltins } from './graph.ts'
import { jsonPathBuiltins } from './json-paths.ts'
import { nativeNetBuiltins } from './net.ts'
import { nativeNumberBuiltins } from './numbers.ts'
import { nativeObjectBuiltins } from './objects.ts'
import { nativeRegexBuiltins } from './regex.ts'
import { setBuiltins } from './sets.ts'
import { nativeStringBuiltins } from './strings.ts'
import { templateStringBuiltins } from './template-string.ts'
import { trimBuiltins } from './trim.ts'
import { typeBuiltins } from './type-tests.ts'

/**
 * The built-ins that OPA's modules implement themselves, as OPA's interpreter answers them: for
 * what interprets a plan without a module. Their names are those that plans call.
 */
export const NATIVE_BUILTINS: Builtins = {
  ...aggregateBuiltins,
  ...arithmeticBuiltins,
  ...arrayBuiltins,
  ...bitBuiltins,
  ...comparisonBuiltins,
  ...graphBuiltins,
  ...jsonPathBuiltins,
  ...nativeEncodingBuiltins,
  ...nativeGlobBuiltins,
  ...nativeNetBuiltins,
  ...nativeNumberBuiltins,
  ...nativeObjectBuiltins,
  ...nativeRegexBuiltins,
  ...nativeStringBuiltins,
  ...setBuiltins,
  ...templateStringBuiltins,
  ...trimBuiltins,
  ...typeBuiltins,
}
