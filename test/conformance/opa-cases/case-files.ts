import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { temporaryDirectory } from '@verdict/kit'
import { askOpa } from './opa-program.ts'

/** The folder of the cases cannot be used, or names none. */
export class CasesUnusable extends Error {
  override readonly name = 'CasesUnusable'
}

/** A case of OPA's own tests; texts of JSON, so that no digit of a number is lost. */
export interface Case {
  /** The file, relative to the folder of the cases. */
  readonly file: string
  readonly note: string
  readonly query: string
  readonly modules: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** JSON. */
  readonly data: string
  /** Rego, of which JSON is a part; not there where there is no input. */
  readonly input?: string
  /** JSON: the bindings of the query's variables, an array of objects. */
  readonly wantResult?: string
  readonly wantDefined?: boolean
  readonly wantError?: string
  readonly wantErrorCode?: string
  /** The arrays in the bindings are compared in any order. */
  readonly sortBindings: boolean
  /** An error of a built-in ends the evaluation. */
  readonly isStrict: boolean
}

/** As OPA gives out what a file holds: the values of these fields as texts of JSON. */
interface FileCase {
  readonly note: string
  readonly query: string
  readonly modules?: readonly string[] | null
  readonly env?: Readonly<Record<string, string>> | null
  readonly input_term?: string
  readonly want_defined?: boolean
  readonly want_error?: string
  readonly want_error_code?: string
  readonly sort_bindings?: boolean
  readonly strict_error?: boolean
  readonly texts: { readonly data?: string; readonly input?: string; readonly want_result?: string }
}

/** OPA reads the YAML itself: the values are then the ones that its own tests compare. */
const READ = `{file: read |
  some file, text in input
  read := [object.union(object.remove(c, fields), {"texts": texts}) |
    fields := ["data", "input", "want_result"]
    some c in yaml.unmarshal(text).cases
    texts := {field: json.marshal(value) | some field in fields; value := c[field]}
  ]
}`

/**
 * The cases in the files of a folder and its folders.
 * @throws {CasesUnusable} where there is none, or where a file with the name of one holds none
 */
export async function readCases(opa: string, folder: string): Promise<Case[]> {
  const files = globSync('**/*.{yaml,yml,json}', { cwd: folder }).toSorted()
  if (files.length === 0) throw new CasesUnusable(`\`${folder}\` has no YAML or JSON file`)
  const texts = files.map((file) => [file, readFileSync(path.join(folder, file), 'utf8')])
  await using scratch = temporaryDirectory()
  const { ok, stdout, stderr } = await askOpa(
    opa,
    ['eval', '--stdin-input', '--format', 'json', READ],
    { folder: scratch.path, stdin: JSON.stringify(Object.fromEntries(texts)) },
  )
  if (!ok) throw new CasesUnusable(`OPA cannot read the cases: ${stderr}${stdout}`)
  const read = JSON.parse(stdout).result[0].expressions[0].value as Record<string, FileCase[]>
  return files.flatMap((file) => {
    const cases = read[file]
    if (cases === undefined) throw new CasesUnusable(`\`${file}\` is no file of cases`)
    return cases.map((held) => caseOf(file, held))
  })
}

function caseOf(file: string, held: FileCase): Case {
  const { texts, input_term: term, want_defined: wantDefined } = held
  const { want_error: wantError, want_error_code: wantErrorCode } = held
  const input = term ?? texts.input
  if (typeof held.note !== 'string' || typeof held.query !== 'string') {
    throw new CasesUnusable(`a case in \`${file}\` has no \`note\` or no \`query\``)
  }
  return {
    file,
    note: held.note,
    query: held.query,
    modules: held.modules ?? [],
    env: held.env ?? {},
    data: texts.data ?? '{}',
    ...(input !== undefined && { input }),
    ...(texts.want_result !== undefined && { wantResult: texts.want_result }),
    ...(wantDefined !== undefined && { wantDefined }),
    ...(wantError !== undefined && { wantError }),
    ...(wantErrorCode !== undefined && { wantErrorCode }),
    sortBindings: held.sort_bindings ?? false,
    isStrict: held.strict_error ?? false,
  }
}
