import type { Readable } from 'node:stream'

/** A longer line is cut here, and what is left of it is a line of its own. */
export const LINE_CHARS_MAX = 64 * 1024

/** The lines of a process's output, its last one even where its end is missing. */
export async function* outputLines(output: Readable): AsyncGenerator<string> {
  output.setEncoding('utf8')
  let rest = ''
  for await (const chunk of output) {
    rest += chunk
    let end = rest.indexOf('\n')
    while (end >= 0 || rest.length > LINE_CHARS_MAX) {
      const cut = end >= 0 && end <= LINE_CHARS_MAX ? end : LINE_CHARS_MAX
      yield rest.slice(0, cut)
      rest = rest.slice(cut === end ? cut + 1 : cut)
      end = rest.indexOf('\n')
    }
  }
  if (rest !== '') yield rest
}
