import { hash } from 'node:crypto'
import { HttpError, HttpErrorCode } from '@verdict/service'
import { FIRST_INDEX } from '../log/log-entry.ts'
import type { Parameter } from './parameters.ts'

/** Where a list goes on: below this decision. */
export interface Cursor {
  readonly before: number
  /** Of the search that it belongs to; an index that somebody names belongs to any. */
  readonly search?: string
}

const DIGEST_CHARS = 8
const CURSOR = /^[A-Za-z0-9_-]{8,40}$/
const INDEX = /^\d{1,16}$/
const CONTENT = /^(\d{1,16})\.([A-Za-z0-9_-]{8})$/

/** The `after` of a list of decisions. */
export const cursorParameter: Parameter<Cursor> = {
  form: `the \`next\` of the page before, or a whole number of at least ${FIRST_INDEX}`,
  schema: { type: 'string' },
  parse(text) {
    if (INDEX.test(text)) return cursorAt(text)
    if (!CURSOR.test(text)) return undefined
    const [, before = '', search] = CONTENT.exec(String(Buffer.from(text, 'base64url'))) ?? []
    return search === undefined ? undefined : cursorAt(before, search)
  },
}

/**
 * The cursor behind a page. It names a place in the log, so what is added to the log and an index
 * that is built again do not move it.
 */
export function cursorText(before: number, search: string): string {
  return Buffer.from(`${before}.${search}`).toString('base64url')
}

/** A search by its parameters, whatever their order. */
export function searchOf(values: Readonly<Record<string, unknown>>): string {
  const given = Object.entries(values).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return hash('sha256', JSON.stringify(given), 'base64url').slice(0, DIGEST_CHARS)
}

/** @throws {HttpError} `bad_request` where the cursor is of another search */
export function requireSameSearch(cursor: Cursor | undefined, search: string): void {
  if (cursor?.search === undefined || cursor.search === search) return
  const message =
    '`after` is the `next` of another search: repeat all of its parameters, or begin without it'
  throw new HttpError(HttpErrorCode.badRequest, message)
}

function cursorAt(index: string, search?: string): Cursor | undefined {
  const before = Number(index)
  if (before < FIRST_INDEX || !Number.isSafeInteger(before)) return undefined
  return search === undefined ? { before } : { before, search }
}
