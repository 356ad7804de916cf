import type { Bundle } from './bundle/bundle.ts'
import { PolicyError, PolicyErrorCode } from './errors.ts'
import { BudgetSpent } from './evaluation.ts'
import { MemoryShort } from './wasm-memory.ts'

/** What an evaluation that has ended without a result means. */
export function evaluationFault(
  entrypoint: string,
  cause: unknown,
  fuelIsSpent: boolean,
): PolicyError {
  if (cause instanceof PolicyError) return cause
  const what = `the evaluation of \`${entrypoint}\``
  if (fuelIsSpent || cause instanceof BudgetSpent) {
    return new PolicyError(
      PolicyErrorCode.budgetExhausted,
      `${what} takes more steps than it may: make the policy do less, or its input smaller`,
      { cause },
    )
  }
  if (isMemoryFault(cause)) {
    return new PolicyError(
      PolicyErrorCode.memoryExhausted,
      `${what} needs more memory than it may have`,
      { cause },
    )
  }
  if (isStackFault(cause)) {
    return new PolicyError(
      PolicyErrorCode.memoryExhausted,
      `${what} nests deeper than its stack: make the policy or its input less deep`,
      { cause },
    )
  }
  return new PolicyError(PolicyErrorCode.evaluationFailed, `${what} failed: ${textOf(cause)}`, {
    cause,
  })
}

/** The module of such rules takes any input for an object. */
export function noObject(entrypoint: string): PolicyError {
  return new PolicyError(
    PolicyErrorCode.inputMalformed,
    `the policy of \`${entrypoint}\` replaces a part of its input by \`with\`: give it an object`,
  )
}

/** What it means that an instance cannot be made. */
export function loadFault(
  { revision }: Bundle,
  cause: unknown,
  memoryBytesMax: number,
): PolicyError {
  if (cause instanceof PolicyError) return cause
  if (isMemoryFault(cause)) {
    return new PolicyError(
      PolicyErrorCode.memoryExhausted,
      `policy \`${revision}\` and its data need more than the ${memoryBytesMax} bytes ` +
        'of memory that they may have: make the data smaller',
      { cause },
    )
  }
  return new PolicyError(
    PolicyErrorCode.moduleRefused,
    `the module of policy \`${revision}\` cannot be loaded: ${textOf(cause)}`,
    { cause },
  )
}

/** What it means that the data cannot be changed. */
export function patchFault(where: string, cause: unknown): PolicyError {
  const tooLarge = isMemoryFault(cause) || isStackFault(cause)
  return new PolicyError(
    tooLarge ? PolicyErrorCode.memoryExhausted : PolicyErrorCode.dataRefused,
    tooLarge
      ? `the memory of the policy has no room for the new \`${where}\`: make it smaller`
      : `\`${where}\` cannot be changed: ${textOf(cause)}`,
    { cause },
  )
}

export function unknownEntrypoint(entrypoint: string, known: readonly string[]): PolicyError {
  return new PolicyError(
    PolicyErrorCode.entrypointUnknown,
    `\`${entrypoint}\` is no entrypoint of the policy: it was built for ${known.join(', ')}`,
  )
}

export function isMemoryFault(thrown: unknown): boolean {
  const text = textOf(thrown)
  return thrown instanceof MemoryShort || /opa_malloc: failed/.test(text)
}

/** The module's own stack ends at address 0: what is beyond is out of bounds. */
function isStackFault(thrown: unknown): boolean {
  return /call stack size exceeded|memory access out of bounds/.test(textOf(thrown))
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
