import { readValue } from './value/read.ts'
import { writeJson } from './value/write.ts'

/**
 * The value of a result in JavaScript. Most results are JSON. Where one has sets, they are put in
 * order, which the module does not.
 */
export function parseResult(text: string): unknown {
  if (text === 'true') return true
  if (text === 'false') return false
  try {
    return JSON.parse(text)
  } catch {
    return JSON.parse(writeJson(readValue(text)))
  }
}
