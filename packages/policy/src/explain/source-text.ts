import type { Body } from './bodies.ts'
import { contains, type Place } from './place.ts'

/** METADATA that is longer is not looked through. */
const METADATA_LINES_MAX = 100
/** More of a source than this is cut. */
const TEXT_CHARS_MAX = 400

/** The sources of a policy, by the names that its plan has for them. */
export class SourceTexts {
  readonly #lines = new Map<string, readonly string[]>()
  readonly #names: readonly string[]

  /** `names` are those of the plan, by number; `files` are the texts of the bundle. */
  constructor(names: readonly string[], files: ReadonlyMap<string, string>) {
    this.#names = names
    for (const [name, text] of files) this.#lines.set(bare(name), text.split('\n'))
  }

  fileOf({ file }: Place): string {
    return bare(this.#names[file] ?? '?')
  }

  /** The text of a condition on one line, as far as the source is there. */
  conditionText(body: Body, condition: Place): string {
    if (condition !== body.head && contains(condition, body.head)) {
      // The condition of an `else` without braces: OPA says that it is all of the `else`.
      const { endRow, endCol } = body.head
      const line = this.#lines.get(this.fileOf(body.head))?.[endRow - 1] ?? ''
      return oneLine(sliced(line, endCol - 1).replace(/^\s*if\b/, ''))
    }
    return this.text(condition)
  }

  /** The head of a rule; the `else` before it is written too. */
  headText({ head, kind }: Body): string {
    const text = this.text(head)
    return kind === 'default' ? `default ${text}` : text
  }

  /** The `title` of the METADATA that is right above a rule. */
  titleAbove({ row, ...place }: Place): string | undefined {
    const lines = this.#lines.get(this.fileOf({ row, ...place })) ?? []
    let title: string | undefined
    for (let at = row - 2; at >= 0 && row - at < METADATA_LINES_MAX; at--) {
      const line = lines[at] ?? ''
      if (!line.startsWith('#')) return undefined
      title = /^#\s*title:\s*(.+?)\s*$/.exec(line)?.[1] ?? title
      if (/^#\s*METADATA\s*$/.test(line)) return title
    }
    return undefined
  }

  text(place: Place): string {
    const lines = this.#lines.get(this.fileOf(place)) ?? []
    const { row, col, endRow, endCol } = place
    const taken = lines.slice(row - 1, endRow)
    const last = taken.length - 1
    const cut = taken.map((line, at) =>
      sliced(line, at === 0 ? col - 1 : 0, at === last ? endCol - 1 : undefined),
    )
    return oneLine(cut.join('\n'))
  }
}

/** OPA counts code points. */
function sliced(line: string, from: number, to?: number): string {
  return /[\ud800-\udfff]/.test(line) ? [...line].slice(from, to).join('') : line.slice(from, to)
}

/** Bundles have a `/` before their paths, plans have not. */
function bare(name: string): string {
  return name.replace(/^(?:file:\/\/)?\/*/, '')
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length > TEXT_CHARS_MAX ? `${line.slice(0, TEXT_CHARS_MAX - 1)}…` : line
}
