/** The longest label; more of a title is cut. */
const LABEL_CHARS_MAX = 120

/** What `opa inspect` tells of one block of metadata. */
export interface Annotation {
  readonly annotations: {
    readonly scope?: string
    readonly title?: string
    readonly custom?: Readonly<Record<string, unknown>>
    readonly labels?: Readonly<Record<string, unknown>>
  }
  /** Where the rule or package below it begins. */
  readonly location: { readonly file: string; readonly row: number }
  /** Of that rule, from `data` on, as far as it is constant. */
  readonly path?: readonly { readonly value: unknown }[]
}

/** The labels that metadata gives to rules. */
export class RuleLabels {
  readonly #byPlace = new Map<string, string>()
  readonly #byPath = new Map<string, string>()

  constructor(annotations: readonly Annotation[]) {
    for (const annotation of annotations) {
      const { location, path = [] } = annotation
      const label = labelOf(annotation)
      if (label === undefined) continue
      const { scope } = annotation.annotations
      if (scope === 'rule') this.#byPlace.set(`${location.row} ${location.file}`, label)
      if (scope === 'document') this.#byPath.set(pathKey(path.map(({ value }) => value)), label)
    }
  }

  get size(): number {
    return this.#byPlace.size + this.#byPath.size
  }

  /** The label of a rule: its own, else that of all rules of its path. */
  of(file: string, line: number, path: readonly string[] | undefined): string | undefined {
    const own = this.#byPlace.get(`${line} ${file}`)
    return own ?? (path && this.#byPath.get(pathKey(['data', ...path])))
  }
}

/** What names a rule: `custom.id`, else `labels.id`, else `title`. */
function labelOf({ annotations: { custom, labels, title } }: Annotation): string | undefined {
  const label = [custom?.['id'], labels?.['id'], title].find(
    (each) => typeof each === 'number' || (typeof each === 'string' && each.trim() !== ''),
  )
  if (label === undefined) return undefined
  const text = String(label).trim().toWellFormed()
  return text.length <= LABEL_CHARS_MAX
    ? text
    : `${text.slice(0, LABEL_CHARS_MAX - 1).toWellFormed()}…`
}

function pathKey(path: readonly unknown[]): string {
  return JSON.stringify(path)
}
