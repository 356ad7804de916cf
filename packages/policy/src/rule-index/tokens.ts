/** A piece of Rego, as far as it must be known to tell rules apart. */
export interface Token {
  readonly kind: 'word' | 'symbol' | 'string' | 'number' | 'comment'
  readonly text: string
  readonly start: number
  /** What stands before it: nothing, blanks, or (comments included) the end of a line. */
  readonly before: '' | ' ' | '\n'
}

/** Of what is not read here: the file stays as it is. */
export class NotReadable extends Error {
  override readonly name = 'NotReadable'
}

const TOKEN = new RegExp(
  [
    /(?<blank>[ \t\r]+)|(?<newline>\n)|(?<comment>#[^\n]*)/,
    /(?<string>"[^"\\\n]*(?:\\.[^"\\\n]*)*"|`[^`]*`)/,
    /(?<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/,
    /(?<word>[A-Za-z_]\w*)/,
    /(?<symbol>:=|==|!=|<=|>=|[-+*/%&|<>=.,:;[\](){}])/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'y',
)

/** The tokens of a source that OPA has accepted. @throws {NotReadable} */
export function tokensOf(source: string): Token[] {
  const tokens: Token[] = []
  let before: Token['before'] = '\n'
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < source.length) {
    const start = TOKEN.lastIndex
    const { groups } = TOKEN.exec(source) ?? {}
    if (groups === undefined) throw new NotReadable(`\`${source[start]}\` in its text is not known`)
    const [kind, text] = Object.entries(groups).find(([, found]) => found !== undefined) ?? []
    if (kind === undefined || text === undefined) throw new NotReadable('its text is not known')
    if (kind === 'newline') before = '\n'
    else if (kind === 'blank') before ||= ' '
    else {
      tokens.push({ kind: kind as Token['kind'], text, start, before })
      before = ''
    }
  }
  return tokens
}

/** The values that may become columns of a table; others stay in the text of their rule. */
export type Constant = string | number

const INTEGER = /^(?:0|[1-9]\d{0,14})$/

/** The value of a string, or of an integer that JSON keeps; undefined of anything else. */
export function constantOf({ kind, text }: Token): Constant | undefined {
  if (kind === 'number') return INTEGER.test(text) ? Number(text) : undefined
  if (kind !== 'string') return undefined
  const value = text.startsWith('`') ? text.slice(1, -1) : (parsed(text) ?? '\ud800')
  // A raw string keeps its line ends as Go reads them; half a character becomes another in UTF-8.
  return value.isWellFormed() && !value.includes('\r') ? value : undefined
}

function parsed(text: string): string | undefined {
  try {
    return JSON.parse(text) as string
  } catch {
    // OPA has accepted it, so that it must be an escape that JSON has not.
    return undefined
  }
}
