import { NEXT_ID } from './redirect/functions.ts'

/** The module itself ended what it did, such as an evaluation of rules that contradict. */
export class ModuleAbort extends Error {
  override readonly name = 'ModuleAbort'
}

/** What a module needs of its host, by addresses of texts and values. */
export interface Host {
  readonly memory: WebAssembly.Memory
  text(address: number): string
  print(line: string): void
  callBuiltin(id: number, operands: readonly number[]): number
  /** The next key of a value, in order; see redirect/. */
  next(value: number, previous: number): number
  /** The number by which a module tells that a rule holds; undefined where it does not tell. */
  held(): number | undefined
  /** A rule holds: the address of the number of its label. */
  hear(label: number): void
}

/** The imports of OPA's modules (ABI 1.3). */
export function hostImports(
  host: Host,
): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  const call = (id: number, _context: number, ...operands: number[]) =>
    host.callBuiltin(id, operands)
  const callWithTwo = (id: number, _context: number, first: number, second: number) => {
    if (id === NEXT_ID) return host.next(first, second)
    if (id !== host.held()) return host.callBuiltin(id, [first, second])
    host.hear(first)
    return second
  }
  return {
    env: {
      memory: host.memory,
      opa_abort: (text: number) => {
        throw new ModuleAbort(host.text(text))
      },
      opa_println: (text: number) => host.print(host.text(text)),
      opa_builtin0: call,
      opa_builtin1: call,
      opa_builtin2: callWithTwo,
      opa_builtin3: call,
      opa_builtin4: call,
    },
  }
}
