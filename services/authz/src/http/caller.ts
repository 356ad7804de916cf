import type { IncomingMessage } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { AuthzError, AuthzErrorCode } from '../errors.ts'
import type { Caller } from '../request.ts'

const TIMEOUT = /^[1-9]\d{0,8}$/

/**
 * Whether anybody waits, and until when. The connection tells the first: it is gone, or will take
 * no answer, because the client has ended its side. A header tells the second, counted from now,
 * where a setting names it: whoever may set it can make a question fail.
 * @throws {AuthzError} `question_malformed`
 */
export function callerOf({ socket, headers }: IncomingMessage, timeoutHeader?: string): Caller {
  const timeout = timeoutHeader === undefined ? undefined : headers[timeoutHeader]
  return {
    get gone() {
      return socket.destroyed || socket.writableEnded
    },
    deadlineMs:
      timeout === undefined ? undefined : performance.now() + read(timeout, timeoutHeader),
  }
}

function read(timeout: string | readonly string[], name: string | undefined): number {
  if (typeof timeout === 'string' && TIMEOUT.test(timeout)) return Number(timeout)
  const message = `\`${name}\` must be one number of milliseconds, such as 200`
  throw new AuthzError(AuthzErrorCode.questionMalformed, message)
}

/**
 * Connections are accepted one in a turn of the event loop, so that under overload callers wait
 * where nobody sees them, and give up there. The first question on a connection therefore waits a
 * turn, which reads whether its caller has gone: to decide for those who have would keep the
 * others waiting, until nobody is answered.
 */
export async function oneTurnIfNew({ socket }: IncomingMessage): Promise<void> {
  if (socket.bytesWritten > 0) return
  // The first one is still in the turn that has read the question.
  await setImmediate()
  await setImmediate()
}
