import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { temporaryDirectory } from '@verdict/kit'
import { askOpa } from './opa-program.ts'

/** The variables of queries, by query; a query that OPA does not parse has none here. */
export type QueryVariables = ReadonlyMap<string, readonly string[]>

/** The variables that each of these queries binds, as OPA parses it. */
export async function queryVariables(
  opa: string,
  queries: readonly string[],
): Promise<QueryVariables> {
  await using scratch = temporaryDirectory()
  const file = path.join(scratch.path, 'queries.rego')
  const parse = async (some: readonly string[]): Promise<[string, string[]][]> => {
    const rules = some.map((query, at) => `q${at} if {\n${query}\n}\n`)
    writeFileSync(file, `package queries\n\n${rules.join('\n')}`)
    const answer = await askOpa(opa, ['parse', '--format', 'json', file], { folder: scratch.path })
    if (answer.ok) {
      const { rules: parsed } = JSON.parse(answer.stdout) as { rules: { body: unknown }[] }
      return some.map((query, at) => [query, variablesIn(parsed[at]?.body)])
    }
    if (some.length === 1) return []
    // One that is wrong spoils them all: it is in one of the halves.
    const half = some.length >> 1
    return [...(await parse(some.slice(0, half))), ...(await parse(some.slice(half)))]
  }
  return new Map(await parse([...new Set(queries)]))
}

/** What is bound within these is not bound outside. */
const CLOSURES = /^(array|set|object)comprehension$/
const DOCUMENTS = ['data', 'input']

function variablesIn(body: unknown): string[] {
  const found = new Set<string>()
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) {
      node.forEach(visit)
      return
    }
    if (typeof node !== 'object' || node === null) return
    const { type, value, terms } = node as { type?: string; value?: unknown; terms?: unknown }
    if (type === 'var' && typeof value === 'string') {
      if (!(value.startsWith('$') || DOCUMENTS.includes(value))) found.add(value)
    } else if (type !== undefined && CLOSURES.test(type)) {
      return
    } else if (type === 'call') {
      visit((value as unknown[]).slice(1))
    } else if (Array.isArray(terms)) {
      // The first one names the function.
      visit(terms.slice(1))
      visit((node as { with?: unknown }).with)
    } else {
      const { body: _, ...rest } = node as { body?: unknown }
      visit(Object.values(rest))
    }
  }
  visit(body)
  return [...found]
}
