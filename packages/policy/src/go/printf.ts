import { type Argument, type Flags, shown } from './verb.ts'

/** Go takes no width and no precision beyond this. */
const SIZE_MAX = 1_000_000

/** Formats as Go's `fmt.Sprintf`, its complaints about bad verbs included. */
export function sprintf(
  format: string,
  operands: readonly Argument[],
  spend: (units: number) => void,
): string {
  return new Printer(format, operands, spend).print()
}

class Printer {
  readonly #format: string
  readonly #operands: readonly Argument[]
  readonly #spend: (units: number) => void
  #at = 0
  #next = 0
  #reordered: boolean = false
  #isGoodIndex: boolean = true

  constructor(format: string, operands: readonly Argument[], spend: (units: number) => void) {
    this.#format = format
    this.#operands = operands
    this.#spend = spend
  }

  print(): string {
    let out = ''
    while (this.#at < this.#format.length) {
      const percent = this.#format.indexOf('%', this.#at)
      const end = percent < 0 ? this.#format.length : percent
      out += this.#format.slice(this.#at, end)
      this.#at = end + 1
      if (percent >= 0) out += this.#verb()
    }
    return this.#reordered ? out : out + this.#extra()
  }

  #verb(): string {
    const flags: Flags = { sharp: false, zero: false, plus: false, minus: false, space: false }
    this.#isGoodIndex = true
    this.#flags(flags)
    let complaint = ''
    let afterIndex = this.#index()
    if (this.#take('*')) {
      const width = this.#integer()
      if (width === undefined) complaint += '%!(BADWIDTH)'
      if (width !== undefined && width < 0) {
        flags.minus = true
        flags.zero = false
      }
      flags.width = width === undefined ? undefined : Math.abs(width)
      afterIndex = false
    } else {
      flags.width = this.#digits()
      if (afterIndex && flags.width !== undefined) this.#isGoodIndex = false
    }
    // A dot at the very end is no precision but the verb.
    if (this.#at + 1 < this.#format.length && this.#take('.')) {
      if (afterIndex) this.#isGoodIndex = false
      afterIndex = this.#index()
      if (this.#take('*')) {
        const precision = this.#integer()
        flags.precision = precision === undefined || precision < 0 ? undefined : precision
        if (flags.precision === undefined) complaint += '%!(BADPREC)'
        afterIndex = false
      } else {
        flags.precision = this.#digits() ?? 0
      }
    }
    if (!afterIndex) this.#index()
    this.#spend(64 + 4 * ((flags.width ?? 0) + (flags.precision ?? 0)))
    return complaint + this.#operand(flags)
  }

  #flags(flags: Flags): void {
    for (;;) {
      if (this.#take('#')) flags.sharp = true
      else if (this.#take('0')) flags.zero = true
      else if (this.#take('+')) flags.plus = true
      else if (this.#take('-')) flags.minus = true
      else if (this.#take(' ')) flags.space = true
      else return
    }
  }

  #operand(flags: Flags): string {
    const code = this.#format.codePointAt(this.#at)
    if (code === undefined) return '%!(NOVERB)'
    const verb = String.fromCodePoint(code)
    this.#at += verb.length
    if (verb === '%') return '%'
    if (!this.#isGoodIndex) return `%!${verb}(BADINDEX)`
    const operand = this.#operands[this.#next]
    if (operand === undefined) return `%!${verb}(MISSING)`
    this.#next++
    if (verb !== 'v' || operand.type === '*big.Int') return shown(operand, verb, flags)
    return shown(operand, verb, { ...flags, sharp: false, plus: false }, flags.sharp)
  }

  #extra(): string {
    const rest = this.#operands.slice(this.#next)
    if (rest.length === 0) return ''
    const none: Flags = { sharp: false, zero: false, plus: false, minus: false, space: false }
    const texts = rest.map((operand) => `${operand.type}=${shown(operand, 'v', none)}`)
    return `%!(EXTRA ${texts.join(', ')})`
  }

  /** Reads `[3]`, which names the operand to use next. */
  #index(): boolean {
    if (this.#format[this.#at] !== '[') return false
    this.#reordered = true
    const close = this.#format.indexOf(']', this.#at)
    const inner = close < 0 ? undefined : this.#format.slice(this.#at + 1, close)
    if (inner === undefined || this.#format.length - this.#at < 3) {
      this.#isGoodIndex = false
      this.#at++
      return false
    }
    this.#at = close + 1
    const number = /^\d{1,8}$/.test(inner) ? Number(inner) : undefined
    if (number !== undefined && number >= 1 && number <= this.#operands.length) {
      this.#next = number - 1
      return true
    }
    this.#isGoodIndex = false
    return number !== undefined
  }

  /** Takes the next operand for a width or a precision. */
  #integer(): number | undefined {
    const operand = this.#operands[this.#next]
    if (operand === undefined) return undefined
    this.#next++
    if (operand.type !== 'int64' && operand.type !== 'int') return undefined
    const number = Number(operand.value)
    return Math.abs(number) > SIZE_MAX ? undefined : number
  }

  #digits(): number | undefined {
    let number: number | undefined
    for (; isDigit(this.#format[this.#at]); this.#at++) {
      if ((number ?? 0) > SIZE_MAX) {
        // A number that is far too large takes the rest of the format along.
        this.#at = this.#format.length
        return undefined
      }
      number = (number ?? 0) * 10 + Number(this.#format[this.#at])
    }
    return number
  }

  #take(character: string): boolean {
    if (this.#format[this.#at] !== character) return false
    this.#at++
    return true
  }
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= '0' && character <= '9'
}
