/** An event that is larger is a fault of the server. */
const EVENT_CHARS_MAX = 1024 * 1024

/** What a stream of server-sent events says; `data` is absent where only the id moves on. */
export interface ServerSentEvent {
  readonly id: string | undefined
  readonly data: string | undefined
}

/** Takes text as it arrives, gives the events that are complete (html.spec.whatwg.org, 9.2.6). */
export class EventParser {
  #rest = ''
  #id: string | undefined
  #data: string[] = []
  #chars = 0

  take(text: string): ServerSentEvent[] {
    const events: ServerSentEvent[] = []
    this.#rest += text
    for (;;) {
      const end = this.#rest.search(/\r\n|\n|\r(?!$)/)
      if (end < 0) break
      const line = this.#rest.slice(0, end)
      this.#rest = this.#rest.slice(this.#rest.startsWith('\r\n', end) ? end + 2 : end + 1)
      const event = this.#line(line)
      if (event !== undefined) events.push(event)
    }
    if (this.#rest.length + this.#chars > EVENT_CHARS_MAX) {
      throw new RangeError(`an event is longer than ${EVENT_CHARS_MAX} characters`)
    }
    return events
  }

  #line(line: string): ServerSentEvent | undefined {
    if (line === '') return this.#dispatch()
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
    this.#chars += line.length
    if (field === 'id') this.#id = value
    else if (field === 'data') this.#data.push(value)
    return undefined
  }

  #dispatch(): ServerSentEvent | undefined {
    const [id, data] = [this.#id, this.#data]
    this.#id = undefined
    this.#data = []
    this.#chars = 0
    if (id === undefined && data.length === 0) return undefined
    return { id, data: data.length === 0 ? undefined : data.join('\n') }
  }
}
