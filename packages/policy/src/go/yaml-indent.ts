/** How a line goes on with what the one before began. */
interface State {
  /** The brackets that are open. */
  depth: number
  /** The quote that is open. */
  quote: '"' | "'" | ''
  /** How far the line is indented that the outermost of them began on, with its dashes. */
  indent: number
}

const BLOCK_HEADER = /(?:^|[\s:-])[|>](?:[+-]?\d?|\d[+-])[ \t]*(?:#.*)?$/
/** What may stand on a line before a value begins. */
const BEFORE_VALUE = /(?:^|[:?-][ \t]+|(?:^|[ \t])[!&][^ \t]*[ \t]+)$/

/**
 * A text of YAML in which what goes on within brackets or quotes is indented more than what began
 * it. go-yaml does not ask for that, our parser does; such white space means nothing.
 */
export function withIndents(text: string): string {
  const state: State = { depth: 0, quote: '', indent: 0 }
  let blockIndent: number | undefined
  const lines = text.split('\n').map((line) => {
    const indent = line.length - line.trimStart().length
    if (state.depth > 0 || state.quote !== '') {
      const shifted = ' '.repeat(state.indent + 1) + line
      scan(line, state)
      return shifted
    }
    if (blockIndent !== undefined && (line.trim() === '' || indent > blockIndent)) return line
    blockIndent = undefined
    state.indent = /^(?: |-(?= ))*/.exec(line)?.[0].length ?? 0
    scan(line, state)
    if (state.depth === 0 && state.quote === '' && BLOCK_HEADER.test(line)) blockIndent = indent
    return line
  })
  return lines.join('\n')
}

function scan(line: string, state: State): void {
  for (let at = 0; at < line.length; at++) {
    const character = line[at] ?? ''
    if (state.quote !== '') at = afterQuoted(line, at, state)
    else if (character === '#' && /^$|\s$/.test(line.slice(0, at))) return
    else if (isBeginning(line, at, state)) {
      if (character === '"' || character === "'") state.quote = character
      else if (character === '[' || character === '{') state.depth++
    } else if (state.depth > 0 && (character === ']' || character === '}')) state.depth--
  }
}

/** Whether a value can begin here; within brackets, one may in more places. */
function isBeginning(line: string, at: number, { depth }: State): boolean {
  if (!/["'[{]/.test(line[at] ?? '')) return false
  const before = line.slice(0, at)
  return depth > 0 ? /(?:^|[\s,:[{])$/.test(before) : BEFORE_VALUE.test(before)
}

/** Reads one step of what is quoted. */
function afterQuoted(line: string, at: number, state: State): number {
  if (state.quote === '"' && line[at] === '\\') return at + 1
  if (line[at] !== state.quote) return at
  if (state.quote === "'" && line[at + 1] === "'") return at + 1
  state.quote = ''
  return at
}
