import { hash } from 'node:crypto'
import { AuditError, AuditErrorCode } from '../errors.ts'
import { addCheckpointUrl, type WitnessPlace } from './witness-policy.ts'

/** A witness that has not answered by then has failed, and is asked again later. */
export const WITNESS_TIMEOUT_MS = 5_000
/** An answer of a witness; a longer one is refused, and the witness has failed. */
export const WITNESS_ANSWER_BYTES_MAX: number = 256 * 1024

export interface WitnessAnswer {
  readonly status: number
  readonly body: string
}

/** Sends a request to cosign. @throws {AuditError} `witness_unreachable` */
export async function askWitness(
  place: WitnessPlace,
  body: string,
  stopped: AbortSignal,
): Promise<WitnessAnswer> {
  const headers = { 'content-type': 'text/plain' }
  return await exchange(addCheckpointUrl(place), { method: 'POST', body, headers }, stopped)
}

/** The last checkpoint of a log that a witness has cosigned, as it shows it to everybody. */
export async function readWitnessed(
  place: WitnessPlace,
  origin: string,
  stopped: AbortSignal,
): Promise<WitnessAnswer> {
  const url = new URL(`${hash('sha256', origin, 'hex')}/checkpoint`, place.url)
  return await exchange(url, { method: 'GET' }, stopped)
}

async function exchange(
  url: URL,
  request: RequestInit,
  stopped: AbortSignal,
): Promise<WitnessAnswer> {
  try {
    const signal = AbortSignal.any([stopped, AbortSignal.timeout(WITNESS_TIMEOUT_MS)])
    const response = await fetch(url, { ...request, redirect: 'error', signal })
    return { status: response.status, body: await textOf(response) }
  } catch (cause) {
    const why = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
    const detail = why instanceof Error ? why.message : String(why)
    const message = `\`${url.origin}\` did not answer: ${detail}`
    throw new AuditError(AuditErrorCode.witnessUnreachable, message, { cause })
  }
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  // Leaving the loop early cancels the rest of the body.
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > WITNESS_ANSWER_BYTES_MAX) {
      throw new Error(`the answer is longer than ${WITNESS_ANSWER_BYTES_MAX} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
