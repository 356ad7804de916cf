import { TABLES_ROOT } from '../rule-index/report.ts'
import { type Candidate, renamed } from './candidate.ts'
import { GeneratedModules } from './generated-modules.ts'
import type { PackageFile } from './package-files.ts'
import { type DispatchTable, tablesOf } from './tables.ts'

/** Rules with the same value are asked in turn where they are so many. */
const CHAIN_RULES_MIN = 8
/** Of one file; fewer are cheaper by themselves than as a link of a chain of chains. */
const CHAIN_FILE_MIN = 4
/** OPA is slow on longer ones: rules beyond are in further chains, which are asked in turn. */
const CHAIN_LENGTH_MAX = 64
/** So many parts of the input are looked up one after the other; then rules are as they are. */
const DEPTH_MAX = 4

/** A rule, or a lookup that stands for several. */
interface Alternative {
  /** Where it must stand; anywhere where there is none. */
  readonly file?: PackageFile
  readonly rule?: Candidate
  readonly rules: number
  readonly constant?: { readonly value: string; readonly body: string } | undefined
  readonly text: (head: string) => string
}

type Put = (text: string, file: PackageFile | undefined) => void

/** What the rules of one name became. */
export interface Written {
  readonly tables: readonly DispatchTable[]
  /** The rules that are gone from their files. */
  readonly moved: readonly Candidate[]
  readonly chained: number
}

/** Writes rules that are found by lookups, and chains of rules. */
export class DispatchWriter {
  readonly modules = new GeneratedModules()
  /** By the string that is looked up: where in a table's rules those that can hold are. */
  readonly keys: Record<string, Readonly<Record<string, readonly [string, string]>>> = {}
  #tables = 0
  #chains = 0
  #chained = 0

  /** Rules of one name and package; `put` adds to the text of a file. */
  write(name: string, isSet: boolean, rules: readonly Candidate[], put: Put): Written {
    this.#chained = 0
    const { tables, rest } = tablesOf(rules)
    const chained: Candidate[] = []
    const lookups = tables.map((table) => this.#lookup(table, isSet, 1))
    this.#emit(name, [...lookups, ...rest.map(alternativeOf)], isSet, put, (rule) => {
      chained.push(rule)
    })
    const found = new Set(rest)
    const moved = [...rules.filter((rule) => !found.has(rule)), ...chained]
    return { tables, moved, chained: this.#chained }
  }

  /** Rules under another name, and in a module of their own. */
  #move(name: string, rules: readonly Candidate[], isSet: boolean, depth: number): void {
    const { tables, rest } = depth < DEPTH_MAX ? tablesOf(rules, 1) : { tables: [], rest: rules }
    const lookups = tables.map((table) => this.#lookup(table, isSet, depth + 1))
    const all = [...lookups, ...rest.map(alternativeOf)]
    this.#emit(name, all, isSet, this.modules.put)
  }

  #emit(
    name: string,
    alternatives: readonly Alternative[],
    isSet: boolean,
    put: Put,
    onChained?: (rule: Candidate) => void,
  ): void {
    const byFile = Map.groupBy(
      alternatives,
      ({ file, constant }) => `${file?.file} ${constant?.value}`,
    )
    const chainOf = ({ file, constant }: Alternative) => {
      const few = byFile.get(`${file?.file} ${constant?.value}`)?.length ?? 0
      return isSet || (file !== undefined && few < CHAIN_FILE_MIN) ? undefined : constant?.value
    }
    for (const [value, same] of Map.groupBy(alternatives, chainOf)) {
      const rules = same.reduce((sum, each) => sum + each.rules, 0)
      if (value !== undefined && same.length > 1 && rules >= CHAIN_RULES_MIN) {
        this.#chain(name, value, same, put)
        for (const { rule } of same) {
          if (rule === undefined) continue
          this.#chained++
          onChained?.(rule)
        }
        continue
      }
      for (const { rule, file, text } of same) {
        // At the top, a rule by itself stays where it is.
        if (rule === undefined || onChained === undefined) put(text(name), file)
      }
    }
  }

  /** `name := value if … else := value if …`: the first that holds ends it. */
  #chain(name: string, value: string, links: readonly Alternative[], put: Put): void {
    const segments = segmentsOf(links)
    const [only] = segments
    if (only !== undefined && segments.length === 1) {
      put(chainText(name, value, only.links), only.file)
      return
    }
    const chains = segments.map((segment): Alternative => {
      const chain = `${TABLES_ROOT}_e${this.#chains++}`
      this.modules.put(chainText(chain, value, segment.links), segment.file)
      const body = ` data.${TABLES_ROOT}.${chain} == ${value}`
      return {
        rules: 1,
        constant: { value, body },
        text: (head) => `${head} := ${value} if${body}`,
      }
    })
    this.#chain(name, value, chains, put)
  }

  #lookup(table: DispatchTable, isSet: boolean, depth: number): Alternative {
    const number = this.#tables++
    const name = `${TABLES_ROOT}_d${number}`
    const width = Math.ceil(Math.sqrt(table.buckets.size))
    const keys = Object.create(null) as Record<string, readonly [string, string]>
    for (const [at, [key, rules]] of [...table.buckets].entries()) {
      // OPA's time to compile grows with the square of what is at one level.
      const place = [String(Math.floor(at / width)), String(at % width)] as const
      keys[key] = place
      this.#move(`${name}["${place[0]}"]["${place[1]}"]`, rules, isSet, depth)
    }
    this.keys[`k${number}`] = keys
    const [place, value] = [`${TABLES_ROOT}_b`, `${TABLES_ROOT}_v`]
    const found = `data.${TABLES_ROOT}.${name}[${place}[0]][${place}[1]]`
    const where = `${place} := data.${TABLES_ROOT}.k${number}[${table.subject}]`
    const constant = isSet ? undefined : commonValue(table)
    return {
      rules: table.rulesTogetherMax,
      constant:
        constant === undefined
          ? undefined
          : {
              value: constant,
              body: ` {\n\t${where}\n\t${found} == ${constant}\n}`,
            },
      text: (head) =>
        isSet
          ? `${head} contains ${value} if {\n\t${where}\n\tsome ${value} in ${found}\n}`
          : `${head} = ${value} if {\n\t${where}\n\t${value} := ${found}\n}`,
    }
  }
}

function alternativeOf(rule: Candidate): Alternative {
  return {
    file: rule.file,
    rule,
    rules: 1,
    constant: rule.constant,
    text: (head) => renamed(rule, head),
  }
}

/** The one value that all rules of a table have. */
function commonValue({ buckets }: DispatchTable): string | undefined {
  const values = new Set([...buckets.values()].flat().map(({ constant }) => constant?.value))
  const [value] = values
  return values.size === 1 ? value : undefined
}

interface Segment {
  file: PackageFile | undefined
  readonly links: Alternative[]
}

/** Links that can stand in one chain: of one file, and not too many. */
function segmentsOf(links: readonly Alternative[]): Segment[] {
  const segments: Segment[] = []
  for (const link of links) {
    const last = segments.at(-1)
    const fits = last?.file === undefined || link.file === undefined || last.file === link.file
    if (last === undefined || !fits || last.links.length >= CHAIN_LENGTH_MAX) {
      segments.push({ file: link.file, links: [link] })
    } else {
      last.links.push(link)
      last.file ??= link.file
    }
  }
  return segments
}

function chainText(name: string, value: string, links: readonly Alternative[]): string {
  const bodies = links.map(({ constant }) => `:= ${value} if${constant?.body ?? ''}`)
  return `${name} ${bodies.join(' else ')}`
}
