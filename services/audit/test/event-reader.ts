/** One server-sent event; without data it only moves the id. */
export interface ReadEvent {
  readonly id: number
  readonly data: string | undefined
}

/** Reads a stream of server-sent events as it comes. */
export class EventReader implements AsyncDisposable {
  readonly #leave = new AbortController()
  readonly #events: AsyncGenerator<ReadEvent>
  readonly status: number

  private constructor(response: Response, leave: AbortController) {
    this.status = response.status
    this.#leave = leave
    this.#events = readEvents(response)
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<EventReader> {
    const leave = new AbortController()
    return new EventReader(await fetch(url, { headers, signal: leave.signal }), leave)
  }

  /** The next events that have data. */
  async take(count: number): Promise<ReadEvent[]> {
    const taken: ReadEvent[] = []
    while (taken.length < count) {
      const event = await this.next()
      if (event === undefined) throw new Error(`the stream ended after ${taken.length} events`)
      if (event.data !== undefined) taken.push(event)
    }
    return taken
  }

  /** The next event of any kind; undefined at the end of the stream. */
  async next(): Promise<ReadEvent | undefined> {
    const { done, value } = await this.#events.next()
    return done ? undefined : value
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave.abort()
    // The abort ends the body with an error, which is what was asked for.
    await this.#events.return(undefined).catch(() => undefined)
  }
}

async function* readEvents({ body }: Response): AsyncGenerator<ReadEvent> {
  if (body === null) return
  let text = ''
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    text += chunk
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      yield parseEvent(text.slice(0, end))
      text = text.slice(end + 2)
    }
  }
}

function parseEvent(block: string): ReadEvent {
  const field = (name: string): string | undefined =>
    block
      .split('\n')
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2)
  return { id: Number(field('id')), data: field('data') }
}
