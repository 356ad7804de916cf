import { regoText } from '../value/rego-text.ts'
import { isArray, type Value } from '../value/value.ts'
import { shownText } from './shown.ts'
import { lookUp } from './statements.ts'

/** Keys that lead to more than this are not followed: where a value comes from is then unknown. */
const PATH_KEYS_MAX = 32

/** Where a value comes from. */
export interface Origin {
  readonly document: 'input' | 'data'
  readonly path: readonly Value[]
  /**
   * For what is made of the value that is there, such as one part of a text: what would have to be
   * there so that this is `wanted`. Absent where the value itself is there.
   */
  readonly put?: (wanted: Value) => Value | undefined
}

export function below(origin: Origin, key: Value, container?: Value): Origin | undefined {
  const { document, path, put } = origin
  if (path.length >= PATH_KEYS_MAX) return undefined
  if (put === undefined) return { document, path: [...path, key] }
  return {
    document,
    path,
    put: (wanted) => {
      if (container === undefined || !isArray(container) || typeof key !== 'number')
        return undefined
      if (lookUp(container, key) === undefined) return undefined
      return put(container.with(key, wanted))
    },
  }
}

/** The name by which people know a place: `input.identity.claims.roles[0]`. */
export function pathText({ document, path }: Pick<Origin, 'document' | 'path'>): string {
  return document + path.map(keyText).join('')
}

function keyText(key: Value): string {
  if (typeof key === 'string' && /^[A-Za-z_]\w{0,63}$/.test(key)) return `.${key}`
  return `[${shownText(key)}]`
}

/** The same for the same place, whatever is made of its value. */
export function placeKey({ document, path }: Pick<Origin, 'document' | 'path'>): string {
  return document + regoText(path)
}
