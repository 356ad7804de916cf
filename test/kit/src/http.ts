import { type IncomingHttpHeaders, request } from 'node:http'
import { text } from 'node:stream/consumers'

const ANSWER_DEADLINE_MS = 10_000

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** One HTTP/1.1 request with any header that fetch would not let through, such as `host`. */
export async function sendHttp(
  url: string,
  options: { readonly method?: string; readonly headers?: Record<string, string> } = {},
): Promise<HttpAnswer> {
  return await new Promise((resolve, reject) => {
    const sent = request(url, { ...options, timeout: ANSWER_DEADLINE_MS }, (answer) => {
      text(answer).then(
        (body) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }),
        reject,
      )
    })
    sent.on('timeout', () => sent.destroy(new Error(`no answer from ${url}`)))
    sent.on('error', reject)
    sent.end()
  })
}
