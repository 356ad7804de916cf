import { Counter, type Registry } from '@verdict/service'

/** One combination of labels; counting is an addition. */
export interface TallyLine {
  count: number
}

/**
 * A counter for hot paths, all of whose combinations of labels are known beforehand: prom-client
 * hashes the labels of each count, and this one only those of each reading.
 */
export class Tally<Label extends string> {
  readonly #lines: (TallyLine & { readonly labels: Readonly<Record<Label, string>> })[] = []

  constructor(registry: Registry, name: string, help: string, labelNames: readonly Label[]) {
    const lines = this.#lines
    new Counter({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset()
        for (const { labels, count } of lines) if (count > 0) this.inc(labels, count)
      },
    })
  }

  line(labels: Readonly<Record<Label, string>>): TallyLine {
    const line = { labels, count: 0 }
    this.#lines.push(line)
    return line
  }
}
