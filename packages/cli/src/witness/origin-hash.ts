import { hash } from 'node:crypto'

/** What a log is called in the URLs and files of a witness, whatever characters its origin has. */
export function originHash(origin: string): string {
  return hash('sha256', origin, 'hex')
}
