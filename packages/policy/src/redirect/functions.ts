/** The module's own functions by their names in OPA's runtime. */
export const ITERATE = 'opa_value_iter'
export const COMPARE = 'opa_value_compare'
export const BOOLEAN = 'opa_boolean'
export const NEW_ARRAY = 'opa_array_with_cap'
export const APPEND = 'opa_array_append'

/** The number by which a module asks for the next key in order; OPA's own numbers begin at 0. */
export const NEXT_ID = -1

/** When a call goes to the host. */
export type Occasion =
  /** Whenever. */
  | 'always'
  /** In rules in which some order shows. */
  | 'ordered rules'
  /** Where the first operand has no order of its own: an object or a set. */
  | 'unordered'
  /** Where an operand is a number that is no integer of 64 bits. */
  | 'fraction'
  /** Where an operand is a set. */
  | 'set'

/** A function whose calls go to the host, by a number as built-ins have. */
export interface Redirected {
  readonly name: string
  readonly id: number
  readonly operands: 1 | 2 | 3
  /** The built-in that answers; the order of keys is no built-in. */
  readonly builtin?: string
  readonly when: Occasion
}

type Row = readonly [name: string, builtin: string, operands: 1 | 2 | 3, when: Occasion]

/** Built-ins of modules that answer otherwise than OPA, and where. */
const BUILTINS: readonly Row[] = [
  ['opa_value_transitive_closure', 'walk', 1, 'ordered rules'],
  // Keys are written in no order, and `&`, `<` and `>` as they are.
  ['opa_json_marshal', 'json.marshal', 1, 'always'],
  // What is no JSON is taken for some: `1 2`, `[1,]`, `01`.
  ['opa_json_unmarshal', 'json.unmarshal', 1, 'always'],
  ['opa_json_is_valid', 'json.is_valid', 1, 'always'],
  // The path `""` nests without an end.
  ['builtin_json_filter', 'json.filter', 2, 'always'],
  ['builtin_json_remove', 'json.remove', 2, 'always'],
  // Padding may be missing, and spaces are passed over.
  ['opa_base64_is_valid', 'base64.is_valid', 1, 'always'],
  ['opa_base64_decode', 'base64.decode', 1, 'always'],
  ['opa_base64_url_decode', 'base64url.decode', 1, 'always'],
  // Brackets and `$` match something else, and line ends nothing.
  ['opa_glob_match', 'glob.match', 3, 'always'],
  // Addresses of IPv4 within IPv6 are others.
  ['opa_cidr_contains', 'net.cidr_contains', 2, 'always'],
  ['opa_cidr_intersects', 'net.cidr_intersects', 2, 'always'],
  ['opa_regex_is_valid', 'regex.is_valid', 1, 'always'],
  ['opa_regex_find_all_string_submatch', 'regex.find_all_string_submatch_n', 3, 'fraction'],
  ['opa_to_number', 'to_number', 1, 'always'],
  ['builtin_object_union_n', 'object.union_n', 1, 'always'],
  // The empty text is found, and is replaced without an end.
  ['opa_strings_indexof', 'indexof', 2, 'always'],
  ['opa_strings_replace', 'replace', 3, 'always'],
  ['opa_strings_concat', 'concat', 2, 'set'],
  ['opa_strings_substring', 'substring', 3, 'fraction'],
  ['opa_array_slice', 'array.slice', 3, 'fraction'],
  // A number of more than 64 bits ends the evaluation.
  ['opa_strings_format_int', 'format_int', 2, 'always'],
  // Decimals are computed with other digits, and 0 / 0 ends the evaluation.
  ['opa_arith_plus', 'plus', 2, 'fraction'],
  ['opa_arith_minus', 'minus', 2, 'fraction'],
  ['opa_arith_multiply', 'mul', 2, 'fraction'],
  ['opa_arith_divide', 'div', 2, 'always'],
  ['opa_arith_abs', 'abs', 1, 'fraction'],
  ['opa_arith_round', 'round', 1, 'fraction'],
  ['opa_arith_ceil', 'ceil', 1, 'fraction'],
  ['opa_arith_floor', 'floor', 1, 'fraction'],
  ['opa_agg_sum', 'sum', 1, 'always'],
  ['opa_agg_product', 'product', 1, 'always'],
  ['opa_bits_and', 'bits.and', 2, 'fraction'],
  ['opa_bits_or', 'bits.or', 2, 'fraction'],
  ['opa_bits_xor', 'bits.xor', 2, 'fraction'],
  ['opa_bits_negate', 'bits.negate', 1, 'fraction'],
  ['opa_bits_shiftleft', 'bits.lsh', 2, 'always'],
  ['opa_bits_shiftright', 'bits.rsh', 2, 'always'],
]

/** What modules do otherwise than OPA; also, they go through objects and sets in no order. */
export const REDIRECTED: readonly Redirected[] = [
  { name: ITERATE, id: NEXT_ID, operands: 2, when: 'unordered' },
  ...BUILTINS.map(([name, builtin, operands, when], at) => ({
    name,
    id: NEXT_ID - 1 - at,
    builtin,
    operands,
    when,
  })),
]
