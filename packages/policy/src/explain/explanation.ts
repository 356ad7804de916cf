/** What became of one rule: of its bodies, and what it gave. */
export interface RuleTrace {
  /** As policies name it: `data.shop.access.grounds`. */
  readonly rule: string
  /** The value, as Rego writes it; absent where the rule is undefined. */
  readonly value?: string
  /** Whether the rule had been evaluated before: its bodies are told there. */
  readonly again?: true
  /** Those that were tried, in the order in which they were. */
  readonly bodies: readonly BodyTrace[]
}

export interface BodyTrace {
  readonly kind: 'rule' | 'else' | 'default'
  /** The head, as it is written. */
  readonly head: string
  /** What the METADATA above it says, where there is any. */
  readonly title?: string
  readonly file: string
  readonly row: number
  readonly held: boolean
  /** The conditions that were come to, and their head's own value where that looks at rules. */
  readonly conditions: readonly ConditionTrace[]
}

export interface ConditionTrace {
  readonly text: string
  readonly row: number
  readonly held: boolean
  /** Why it failed, for the first members for which it did. */
  readonly failures: readonly Failure[]
  /** How often it failed. */
  readonly failed: number
  /** The rules that it asked. */
  readonly calls: readonly RuleTrace[]
}

/** A value as Rego writes it, and where it comes from; both are bounded in length. */
export interface ShownValue {
  /** Absent where there is no value. */
  readonly value?: string
  /** `input.identity.status`, or the call of a built-in. */
  readonly from?: string
}

export type Failure =
  /** The values were compared, and differ, or are the same where they must not be. */
  | { readonly why: 'unequal' | 'equal'; readonly left: ShownValue; readonly right: ShownValue }
  /** There is nothing at the place. */
  | { readonly why: 'missing'; readonly place: ShownValue }
  /** The value, or what the built-in answered of the operands, is `false`. */
  | { readonly why: 'false'; readonly value: ShownValue; readonly operands: readonly ShownValue[] }
  /** A rule, or a built-in with these operands, is undefined. */
  | { readonly why: 'undefined'; readonly name: string; readonly operands: readonly ShownValue[] }
  /** The value is of another type. */
  | { readonly why: 'type'; readonly wanted: string; readonly value: ShownValue }
  /** What must not hold holds. */
  | { readonly why: 'held' }
  /** There are no members for which it could hold. */
  | { readonly why: 'empty'; readonly collection: ShownValue }
  | { readonly why: 'failed' }

/** A change of the input by which the request would be allowed, which was tried. */
export interface NearMiss {
  readonly changes: readonly Change[]
}

export interface Change {
  /** `input.identity.claims.roles` */
  readonly place: string
  /** What is there is this, contains this, is there at all, is something else, is not there. */
  readonly kind: 'be' | 'contain' | 'exist' | 'differ' | 'lack'
  /** Each of these alone would do, as Rego writes them; of `be` and `contain` only. */
  readonly values: readonly string[]
}

export interface Explanation {
  readonly entrypoint: string
  readonly revision: string
  readonly allowed: boolean
  /** Absent where the decision is undefined. */
  readonly decision?: string
  /** Why there is no decision, where the evaluation ended in a fault. */
  readonly fault?: string
  readonly rules: readonly RuleTrace[]
  /** Whether more was evaluated than is told. */
  readonly cut?: true
  readonly nearMisses: readonly NearMiss[]
  /** What the evaluation has cost, in units of the interpreter. */
  readonly spent: number
}
