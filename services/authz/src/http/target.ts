import type { IncomingMessage, Server } from 'node:http'
import { CHECK_PATH } from './question.ts'

const targets = new WeakMap<IncomingMessage, string>()

/** Where the router finds every question of the form `/check/…`. */
export const PLAIN_ROUTE = `${CHECK_PATH}/*`

/**
 * Hides from the framework what belongs to the request that is asked about: its path, which the
 * router would decode, and its content type, which would choose a parser. Either would refuse what
 * it can't read before there is a record of it.
 */
export function hideRequests(server: Server): void {
  server.prependListener('request', (message: IncomingMessage) => {
    const { url = '' } = message
    const isPlain = url.startsWith(`${CHECK_PATH}/`)
    if (!isPlain && url !== CHECK_PATH && !url.startsWith(`${CHECK_PATH}?`)) return
    targets.set(message, url)
    message.url = isPlain ? PLAIN_ROUTE : CHECK_PATH
    delete message.headers['content-type']
  })
}

/** The target of a request as it came. */
export function targetOf(message: IncomingMessage): string {
  return targets.get(message) ?? message.url ?? ''
}
