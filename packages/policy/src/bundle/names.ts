/** The files of a bundle that have a meaning of their own, as `BundleFiles` names them. */
export const FILES = {
  manifest: '.manifest',
  signatures: '.signatures.json',
  data: 'data.json',
  module: 'policy.wasm',
  /** Of the policies as they are written. */
  plan: 'plan.json',
  /** Of what the module is made of, where that is something else. */
  modulePlan: 'module-plan.json',
  ruleIndex: 'rule-index.json',
  labels: 'labels.json',
} as const

export const REGO = /\.rego$/
/** Tests by their names: they are no part of what is in force. */
export const TESTS = /_test\.rego$/
