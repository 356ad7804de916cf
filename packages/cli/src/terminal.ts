import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { styleText } from 'node:util'

const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const SPINNER_MS = 100
/** Without a terminal a step is told once it lasts this long, and then again and again. */
const FIRST_WORD_MS = 1_000
const STILL_WORKING_MS = 10_000
const ESCAPE = '\x1b'
const CLEAR_LINE = `\r${ESCAPE}[2K`
const STYLES = new RegExp(`(${ESCAPE}\\[\\d+m)`)
const DEFAULT_COLUMNS = 80

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'cyan' | 'magenta'

/** Something that is being done and is shown until it is done. */
export interface Step {
  /** What of it is being done just now. */
  update(detail: string): void
  done(detail?: string): void
  /** It did not work; the reason is told elsewhere. */
  failed(): void
}

export interface TerminalOptions {
  readonly out: Writable & { isTTY?: boolean; columns?: number }
  readonly err: Writable
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Where commands print. Lines and steps may be mixed: a line goes above the step that is shown. */
export class Terminal {
  /** Whether a person looks at it, as far as one can tell. */
  readonly interactive: boolean
  readonly color: boolean
  readonly #out: TerminalOptions['out']
  readonly #err: Writable
  #shown: (() => string) | undefined
  #spinner: NodeJS.Timeout | undefined

  constructor({ out, err, env }: TerminalOptions) {
    this.#out = out
    this.#err = err
    this.interactive = out.isTTY === true && env['TERM'] !== 'dumb'
    this.color = this.interactive && !env['NO_COLOR']
  }

  paint(style: Style, text: string): string {
    return this.color ? styleText(style, text, { validateStream: false }) : text
  }

  line(text = ''): void {
    this.#write(`${text}\n`)
  }

  /** A line of which there may be many: resolves when there is room for the next. */
  async flow(text: string, signal: AbortSignal): Promise<void> {
    if (this.#out.write(`${text}\n`) || signal.aborted) return
    try {
      await once(this.#out, 'drain', { signal })
    } catch {
      // The reader has gone, or nobody waits any more: the caller sees it by its signal.
    }
  }

  error(text: string): void {
    this.#clear()
    this.#err.write(`${text}\n`)
    this.#draw()
  }

  /** Begins a step. There is one at a time. */
  step(what: string): Step {
    const began = performance.now()
    const seconds = (): string => `${((performance.now() - began) / 1000).toFixed(1)} s`
    let detail = ''
    const text = (mark: string): string =>
      `${mark} ${what}${detail && ` ${this.paint('dim', `· ${detail}`)}`}`
    const end = this.#show((mark) => `${text(mark)} ${this.paint('dim', seconds())}`)
    return {
      update: (now) => {
        detail = now
      },
      done: (result = '') => {
        end()
        detail = result
        this.line(`${text(this.paint('green', '✓'))} ${this.paint('dim', seconds())}`)
      },
      failed: () => {
        end()
        detail = ''
        this.line(`${text(this.paint('red', '✗'))} ${this.paint('dim', seconds())}`)
      },
    }
  }

  /** Shows a line that changes, until the function that is returned is called. */
  #show(render: (mark: string) => string): () => void {
    if (!this.interactive) {
      const tell = (): void => this.line(render('·'))
      const first = setTimeout(tell, FIRST_WORD_MS)
      const again = setInterval(tell, STILL_WORKING_MS)
      return () => {
        clearTimeout(first)
        clearInterval(again)
      }
    }
    let turn = 0
    this.#shown = () => render(SPINNER[turn++ % SPINNER.length] ?? '·')
    this.#spinner = setInterval(() => {
      this.#clear()
      this.#draw()
    }, SPINNER_MS)
    this.#draw()
    return () => {
      this.#clear()
      clearInterval(this.#spinner)
      this.#shown = undefined
    }
  }

  #write(text: string): void {
    this.#clear()
    this.#out.write(text)
    this.#draw()
  }

  #clear(): void {
    if (this.#shown !== undefined) this.#out.write(CLEAR_LINE)
  }

  #draw(): void {
    if (this.#shown !== undefined) this.#out.write(this.#cut(this.#shown()))
  }

  /** A line that wraps could not be cleared. */
  #cut(text: string): string {
    const columns = (this.#out.columns ?? DEFAULT_COLUMNS) - 1
    let seen = 0
    let cut = ''
    for (const part of text.split(STYLES)) {
      const isStyle = part.startsWith(ESCAPE)
      const piece = isStyle ? part : part.slice(0, Math.max(0, columns - seen))
      if (!isStyle) seen += piece.length
      cut += piece
    }
    return cut
  }
}

/** Text that came from outside, with what a terminal would obey made visible. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  )
}
