/** What one bundle has that another has not, and what is different in both. */
export interface Changes {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly changed: readonly string[]
}

/** Compares by names; what is behind a name, by its text. */
export function changesOf(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): Changes {
  return {
    added: [...after.keys()].filter((name) => !before.has(name)).sort(),
    removed: [...before.keys()].filter((name) => !after.has(name)).sort(),
    changed: [...after]
      .filter(([name, text]) => before.has(name) && before.get(name) !== text)
      .map(([name]) => name)
      .sort(),
  }
}

export function hasChanges({ added, removed, changed }: Changes): boolean {
  return added.length + removed.length + changed.length > 0
}

/** Names with nothing behind them. */
export function named(names: readonly string[]): ReadonlyMap<string, string> {
  return new Map(names.map((name) => [name, '']))
}
