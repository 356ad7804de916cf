import type { RE2JS } from 're2js'
import type { Fraction } from '../../go/fraction.ts'
import type { Draft } from './pool.ts'

/** A number to compare with, and how OPA shows it. */
export interface Bound {
  readonly value: Fraction
  readonly shown: string
}

/** A schema, or a part of one, as it is validated against. What is not there allows all. */
export interface SubSchema {
  readonly draft: Draft
  pass?: boolean
  reference?: SubSchema
  readonly types: string[]

  items?: SubSchema[]
  /** Whether all elements have one schema. */
  isSingleItem?: boolean
  additionalItems?: boolean | SubSchema
  minItems?: number
  maxItems?: number
  uniqueItems?: boolean
  contains?: SubSchema

  properties?: Map<string, SubSchema>
  additionalProperties?: boolean | SubSchema
  patternProperties?: Map<string, { readonly pattern: RE2JS; readonly schema: SubSchema }>
  propertyNames?: SubSchema
  dependencies?: Map<string, readonly string[] | SubSchema>
  required?: string[]
  minProperties?: number
  maxProperties?: number

  multipleOf?: Bound
  minimum?: Bound
  maximum?: Bound
  exclusiveMinimum?: Bound
  exclusiveMaximum?: Bound

  minLength?: number
  maxLength?: number
  pattern?: RE2JS
  format?: string

  /** The JSON of the one value, and of the values, that are allowed. */
  constant?: string
  enumeration?: string[]

  oneOf?: SubSchema[]
  anyOf?: SubSchema[]
  allOf?: SubSchema[]
  not?: SubSchema
  if?: SubSchema
  then?: SubSchema
  else?: SubSchema
}
