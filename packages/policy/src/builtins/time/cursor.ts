/** The text is not what the layout says. */
export class Mismatch extends Error {}

/** A text of one character for each byte, and how far it is read. */
export class Cursor {
  readonly text: string
  at = 0

  constructor(text: string) {
    this.text = text
  }

  /** Goes past what the pattern, which is sticky, finds here. */
  take(pattern: RegExp): RegExpExecArray {
    const found = this.took(pattern)
    if (found === undefined) throw new Mismatch()
    return found
  }

  took(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)
    if (found === null) return undefined
    this.at += found[0].length
    return found
  }

  /** Goes past a text for itself; any number of spaces, or the end, is as good as one. */
  skip(prefix: string): void {
    for (let at = 0; at < prefix.length; ) {
      if (prefix[at] !== ' ') {
        if (this.text[this.at] !== prefix[at]) throw new Mismatch()
        this.at++
        at++
        continue
      }
      if (this.at < this.text.length && this.text[this.at] !== ' ') throw new Mismatch()
      while (prefix[at] === ' ') at++
      while (this.text[this.at] === ' ') this.at++
    }
  }
}
