import type { Builtin, Builtins } from '../builtin.ts'
import { contains, holds, networkOf } from '../net.ts'
import { stringOf } from '../operands.ts'

const isContained: Builtin = (_, network, part) => contains(networkOf(network), stringOf(part))

export const nativeNetBuiltins: Builtins = {
  'net.cidr_contains': isContained,
  'net.cidr_overlap': isContained,
  'net.cidr_intersects': (_, a, b) => {
    const [left, right] = [networkOf(a), networkOf(b)]
    return holds(left, right.first) || holds(right, left.first)
  },
}
