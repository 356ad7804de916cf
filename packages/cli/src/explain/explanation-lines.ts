import type { BodyTrace, Change, ConditionTrace, Explanation, RuleTrace } from '@verdict/policy'
import { printable, type Terminal } from '../terminal.ts'
import { cut } from './cut.ts'
import { failureText } from './failure-text.ts'

const INDENT = '  '

export interface LinesOptions {
  readonly terminal: Terminal
  /** What held is told in full too. */
  readonly all: boolean
}

/** An explanation for people: the rules as a tree, and the changes that would make it an allow. */
export function explanationLines(explanation: Explanation, options: LinesOptions): string[] {
  const { allowed, decision, fault, rules, nearMisses } = explanation
  const { terminal } = options
  const lines = [
    `policy    ${printable(explanation.revision)}, rule ${printable(explanation.entrypoint)}`,
    fault === undefined
      ? `decision  ${terminal.paint(allowed ? 'green' : 'red', printable(decision ?? 'undefined'))}`
      : terminal.paint('magenta', `no decision: ${printable(fault)}`),
    '',
    ...rules.flatMap((rule) => new Tree(options).rule(rule, '')),
  ]
  if (explanation.cut) lines.push(terminal.paint('dim', '… and more than is told here'))
  if (allowed || fault !== undefined) return lines
  if (nearMisses.length === 0) {
    return [...lines, '', 'No small change of the input was found that would allow it.']
  }
  const changes = nearMisses.map((miss) => miss.changes.map(changeText).join(' and '))
  const marked = changes.map((text) => `${INDENT}${terminal.paint('cyan', '·')} ${printable(text)}`)
  return [...lines, '', 'It would be allowed if', ...marked]
}

class Tree {
  readonly #terminal: Terminal
  readonly #all: boolean

  constructor({ terminal, all }: LinesOptions) {
    this.#terminal = terminal
    this.#all = all
  }

  rule({ rule, value, again, bodies }: RuleTrace, indent: string): string[] {
    const given = value === undefined ? 'is undefined' : `= ${cut(value)}`
    const name = `${indent}· ${printable(`${rule} ${given}`)}`
    const line = again ? `${name} ${this.#terminal.paint('dim', '(as above)')}` : name
    const isEmpty = value === undefined || EMPTY.has(value)
    // A rule that has a value has it by the bodies that held.
    const told = this.#all || isEmpty || indent === '' ? bodies : bodies.filter(({ held }) => held)
    return [line, ...told.flatMap((body) => this.#body(body, indent + INDENT))]
  }

  #body({ head, title, file, row, held, conditions }: BodyTrace, indent: string): string[] {
    const place = this.#terminal.paint('dim', printable(`${file}:${row}`))
    const about = title === undefined ? '' : this.#terminal.paint('dim', `  ${printable(title)}`)
    const line = `${indent}${this.#mark(held)} ${printable(cut(head))}  ${place}${about}`
    return [
      line,
      ...conditions.flatMap((each) =>
        this.#condition(each, { head, held, indent: indent + INDENT }),
      ),
    ]
  }

  #condition(
    { text, held, failures, failed, calls }: ConditionTrace,
    body: { readonly head: string; readonly held: boolean; readonly indent: string },
  ): string[] {
    const inner = body.indent + INDENT
    const isHead = text === body.head
    const asked = calls.flatMap((call) =>
      this.#call(call, { held, body: body.held, indent: inner }),
    )
    if (isHead && held) return this.#all ? asked : []
    const line = `${body.indent}${this.#mark(held)} ${printable(cut(text))}`
    // That a rule is undefined is told by the rule.
    const told = failures.filter(
      (each) => !(each.why === 'undefined' && calls.some(({ rule }) => rule === each.name)),
    )
    const reasons = [...new Set(told.map(failureText))]
    const more = failed - failures.length
    if (more > 0) reasons.push(`and for ${more} more`)
    return [
      line,
      ...reasons.map((why) => `${inner}${this.#terminal.paint('yellow', printable(why))}`),
      ...asked,
    ]
  }

  /** Rules that explain why the condition is as it is; the others with all. */
  #call(
    call: RuleTrace,
    { held, body, indent }: { held: boolean; body: boolean; indent: string },
  ): string[] {
    const isEmpty = call.value === undefined || EMPTY.has(call.value)
    if (this.#all || (held ? body && !call.again : isEmpty)) return this.rule(call, indent)
    return held ? [] : this.rule({ ...call, bodies: [] }, indent)
  }

  #mark(held: boolean): string {
    return held ? this.#terminal.paint('green', '✓') : this.#terminal.paint('red', '✗')
  }
}

/** Values of rules that say that nothing was found. */
const EMPTY: ReadonlySet<string> = new Set(['set()', '[]', '{}', 'false'])

function changeText({ place, kind, values }: Change): string {
  const alternatives = values.map(cut)
  const last = alternatives.pop()
  const listed = alternatives.length === 0 ? last : `${alternatives.join(', ')} or ${last}`
  switch (kind) {
    case 'be':
      return `${place} were ${listed}`
    case 'contain':
      return `${place} contained ${listed}`
    case 'exist':
      return `${place} were there`
    case 'differ':
      return `${place} were something else`
    default:
      return `${place} were not there`
  }
}
