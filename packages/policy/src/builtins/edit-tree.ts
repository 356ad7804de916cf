import { equal, hasMember, objectOf, setOf, valueAt } from '../value/compare.ts'
import { regoText } from '../value/rego-text.ts'
import {
  isArray,
  isNumber,
  isObject,
  isSet,
  type RegoArray,
  textOf,
  type Value,
} from '../value/value.ts'
import { BuiltinError } from './builtin.ts'

type Spend = (units: number) => void
export type Path = readonly Value[]

/** A member of an array that has been edited: one of the array itself, or one put in. */
type Slot = { readonly original: number } | { readonly node: EditTree }

/**
 * A value with edits laid over it, as OPA's `json.patch` keeps them. With the same oddities: an
 * array's element that is reached through a path is the one that was there before all edits.
 */
export class EditTree {
  #value: Value | undefined
  /** What has been put over the keys of an object or a set; nothing where one was removed. */
  #children = new Map<string, { readonly key: Value; readonly node: EditTree | undefined }>()
  #slots: Slot[] = []
  readonly #spend: Spend

  constructor(value: Value, spend: Spend) {
    this.#value = value
    this.#spend = spend
    this.#begin(value)
  }

  insert(path: Path, value: Value): void {
    const last = path.at(-1)
    if (last === undefined) this.#begin(value)
    else this.#unfold(path.slice(0, -1)).#put(last, value)
  }

  remove(path: Path): void {
    const last = path.at(-1)
    if (last !== undefined) this.#unfold(path.slice(0, -1)).#drop(last)
    else if (this.#value === undefined) throw new BuiltinError('the document is gone')
    else this.#value = undefined
  }

  valueAt(path: Path): Value {
    const value = this.#unfold(path).render()
    if (value === undefined) throw new BuiltinError('the document is gone')
    return value
  }

  /** The value with its edits; nothing where it has been removed. */
  render(): Value | undefined {
    const value = this.#value
    if (value === undefined) return undefined
    if (isArray(value)) return this.#renderArray(value)
    if (this.#children.size === 0) return value
    this.#spend(this.#children.size * 64)
    const put = [...this.#children.values()].flatMap(({ key, node }) => {
      const made = node?.render()
      return made === undefined ? [] : [[key, made] as const]
    })
    if (isObject(value)) {
      this.#spend(value.size * 64)
      const kept = [...value].filter(([key]) => !this.#children.has(regoText(key)))
      return objectOf([...kept, ...put])
    }
    if (!isSet(value)) return value
    this.#spend(value.size * 64)
    const kept = [...value].filter((member) => !this.#children.has(regoText(member)))
    return setOf([...kept, ...put.map(([, made]) => made)])
  }

  #renderArray(value: RegoArray): Value {
    this.#spend(this.#slots.length * 16)
    return this.#slots.flatMap((slot) => {
      const made = 'node' in slot ? slot.node.render() : value[slot.original]
      return made === undefined ? [] : [made]
    })
  }

  #begin(value: Value): void {
    this.#value = value
    this.#children.clear()
    this.#slots = []
    if (!isArray(value)) return
    this.#spend(value.length)
    this.#slots = value.map((_, original) => ({ original }))
  }

  #unfold(path: Path): EditTree {
    let node: EditTree = this
    for (const key of path) node = node.#child(key)
    return node
  }

  #child(key: Value): EditTree {
    const value = this.#value
    if (value === undefined) throw new BuiltinError('a path leads through what is gone')
    if (isArray(value)) return this.#element(value, key)
    if (isSet(value)) this.#collapse(key)
    const child = this.#children.get(regoText(key))
    if (child !== undefined) {
      if (child.node === undefined) throw new BuiltinError('a path leads through what was removed')
      return child.node
    }
    const found = this.#original(key)
    if (found === undefined) throw new BuiltinError('a path leads to nothing')
    return this.#cover(key, found)
  }

  #element(value: RegoArray, key: Value): EditTree {
    const at = indexOf(this.#slots.length, key)
    const slot = this.#slots[at]
    if (slot !== undefined && 'node' in slot) return slot.node
    const original = value[at]
    if (original === undefined || slot === undefined) throw new BuiltinError('no such element')
    const node = new EditTree(original, this.#spend)
    this.#slots[at] = { node }
    return node
  }

  /** What an object or a set holds under a key, apart from its edits. */
  #original(key: Value): Value | undefined {
    const value = this.#value ?? null
    if (isObject(value)) return valueAt(value, key)
    if (isSet(value)) return hasMember(value, key) ? key : undefined
    throw new BuiltinError('a path leads through what has no members')
  }

  #cover(key: Value, value: Value): EditTree {
    const node = new EditTree(value, this.#spend)
    this.#children.set(regoText(key), { key, node })
    return node
  }

  /** A member of a set is its own key: where it has members, edits may have changed it. */
  #collapse(key: Value): void {
    if (!isArray(key) && !isObject(key) && !isSet(key)) return
    const rendered = this.render()
    if (rendered !== undefined) this.#begin(rendered)
  }

  #put(key: Value, value: Value): void {
    const own = this.#value
    if (own === undefined) throw new BuiltinError('a path leads through what is gone')
    if (isArray(own)) {
      const at = indexOf(this.#slots.length, key)
      if (at < 0 || at > this.#slots.length) throw new BuiltinError('no such place in the array')
      this.#spend(this.#slots.length)
      this.#slots.splice(at, 0, { node: new EditTree(value, this.#spend) })
      return
    }
    if (isSet(own)) {
      if (!equal(key, value)) throw new BuiltinError('a member of a set is its own key')
      this.#collapse(key)
    } else if (!isObject(own)) throw new BuiltinError('a path leads through what has no members')
    this.#cover(key, value)
  }

  #drop(key: Value): void {
    const own = this.#value
    if (own === undefined) throw new BuiltinError('a path leads through what is gone')
    if (isArray(own)) {
      const at = indexOf(this.#slots.length, key)
      if (at < 0 || at >= this.#slots.length) throw new BuiltinError('no such element')
      this.#spend(this.#slots.length)
      this.#slots.splice(at, 1)
      return
    }
    if (isSet(own)) this.#collapse(key)
    const child = this.#children.get(regoText(key))
    const isThere =
      child === undefined ? this.#original(key) !== undefined : child.node !== undefined
    if (!isThere) throw new BuiltinError('what is to be removed is not there')
    this.#children.set(regoText(key), { key, node: undefined })
  }
}

/** `-` is the place behind the last element. */
function indexOf(length: number, key: Value): number {
  if (key === '-') return length
  const text = typeof key === 'string' ? key : isNumber(key) ? textOf(key) : ''
  const [, digits] = /^([-+]?\d{1,15})(?:\.0*)?$/.exec(text) ?? []
  const isPadded = typeof key === 'string' && key !== '0' && key.startsWith('0')
  if (digits === undefined || isPadded) throw new BuiltinError('the key is no index of an array')
  return Number(digits)
}
