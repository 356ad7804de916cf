/** What one fault did to a program that ran alone. */
export interface Trial {
  /** What the program was told to keep and said that it has kept. */
  readonly acknowledged: readonly string[]
  /** How often it said that it could not. */
  readonly refused: number
  readonly lost: readonly string[]
  readonly forged: readonly string[]
  readonly duplicated: readonly string[]
  readonly problems: readonly string[]
}

/** Holds what was kept against what was promised. */
export function compared(
  what: string,
  {
    tried,
    acknowledged,
    kept,
  }: {
    readonly tried: readonly string[]
    readonly acknowledged: readonly string[]
    readonly kept: readonly string[]
  },
): Pick<Trial, 'acknowledged' | 'lost' | 'forged' | 'duplicated'> {
  const [there, known] = [new Set(kept), new Set(tried)]
  const told = (kind: string, names: readonly string[]): string[] =>
    names.map((name) => `${what}: ${kind}: ${name}`)
  return {
    acknowledged,
    lost: told(
      'lost',
      acknowledged.filter((name) => !there.has(name)),
    ),
    forged: told(
      'forged',
      [...there].filter((name) => !known.has(name)),
    ),
    duplicated: told(
      'twice',
      kept.filter((name, at) => kept.indexOf(name) !== at),
    ),
  }
}
