import type { Reads } from '../plan/reads.ts'

/** Built-ins whose answer depends on more than their operands, or that do more than answer. */
const UNSOUND: ReadonlySet<string> = new Set([
  'http.send',
  'internal.print',
  'io.jwt.decode_verify',
  'io.jwt.encode_sign',
  'io.jwt.encode_sign_raw',
  'net.lookup_ip_addr',
  'opa.runtime',
  'rand.intn',
  'time.now_ns',
  'trace',
  'uuid.rfc4122',
])

/** Whether an entrypoint's answer depends on its input and data alone. */
export function isSound({ builtins }: Pick<Reads, 'builtins'>): boolean {
  return UNSOUND.isDisjointFrom(builtins)
}
