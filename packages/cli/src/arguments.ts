import { parseArgs } from 'node:util'
import type { Command, OptionSpec, OptionTable, OptionValues } from './command.ts'
import { CliError, CliErrorCode } from './errors.ts'

/** Names that are further away than this are no suggestion. */
const SUGGESTION_EDITS_MAX = 3

export interface ParsedArguments {
  readonly options: OptionValues<OptionTable>
  readonly positionals: readonly string[]
  readonly help: boolean
}

/** The arguments of a command, by its table. @throws {CliError} `usage` */
export function parseArguments(command: Command, args: readonly string[]): ParsedArguments {
  if (command.passThrough) {
    return { options: {}, positionals: args, help: args.length === 1 && args[0] === '--help' }
  }
  const { values, positionals } = parse(command, args)
  const help = values['help'] === true
  if (!help && positionals.length > command.positionalsMax) {
    const extra = positionals[command.positionalsMax]
    throw usage(command.name, `\`${extra}\` is one argument too many`)
  }
  const options: Record<string, unknown> = Object.fromEntries(
    Object.entries(command.options).map(([name, spec]) => [
      name,
      read(command.name, name, spec, values[name]),
    ]),
  )
  // Each value was read by the spec of its option, which says the same of its type.
  return { options: options as OptionValues<OptionTable>, positionals, help }
}

/** An error about arguments, which says where the help is. */
export function usage(commandName: string, problem: string): CliError {
  const help = commandName === '' ? 'verdict --help' : `verdict ${commandName} --help`
  return new CliError(CliErrorCode.usage, `${problem} (see \`${help}\`)`)
}

/** The name that was perhaps meant; undefined where none is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let edits = Math.min(SUGGESTION_EDITS_MAX, Math.ceil(name.length / 2)) + 1
  for (const candidate of known) {
    const distance = editDistance(name, candidate)
    if (distance < edits) [best, edits] = [candidate, distance]
  }
  return best
}

function parse(
  command: Command,
  args: readonly string[],
): { values: Record<string, unknown>; positionals: string[] } {
  const options: Record<string, { type: 'string' | 'boolean'; multiple: boolean; short?: string }> =
    { help: { type: 'boolean', multiple: false, short: 'h' } }
  for (const [name, spec] of Object.entries(command.options)) {
    options[name] = {
      type: spec.kind === 'flag' ? 'boolean' : 'string',
      multiple: spec.kind === 'list',
      ...(spec.short !== undefined && { short: spec.short }),
    }
  }
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    throw explained(command, error as NodeJS.ErrnoException)
  }
}

function explained(command: Command, error: NodeJS.ErrnoException): unknown {
  if (!error.code?.startsWith('ERR_PARSE_ARGS_')) return error
  const option = /'(-[^' ]+)/.exec(error.message)?.[1] ?? '?'
  if (error.code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const takes = command.options[option.replace(/^-+/, '')]
    const needs = takes === undefined || takes.kind === 'flag' ? 'takes no value' : 'needs a value'
    return usage(command.name, `\`${option}\` ${needs}`)
  }
  const known = [...Object.keys(command.options), 'help'].map((name) => `--${name}`)
  const meant = nearest(option, known)
  const hint = meant === undefined ? '' : `, did you mean \`${meant}\`?`
  return usage(command.name, `\`${option}\` is no option of \`verdict ${command.name}\`${hint}`)
}

function read(command: string, name: string, spec: OptionSpec, given: unknown): unknown {
  switch (spec.kind) {
    case 'flag':
      return given === true
    case 'list':
      return given ?? []
    case 'text':
      return given ?? spec.default
    case 'integer': {
      if (given === undefined) return spec.default
      const value = /^\d{1,15}$/.test(String(given)) ? Number(given) : Number.NaN
      if (value >= spec.min && value <= spec.max) return value
      const expected = `expected a whole number from ${spec.min} to ${spec.max}`
      throw usage(command, `\`--${name} ${given}\`: ${expected}`)
    }
  }
}

/** Levenshtein's distance, row by row. */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= right.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[right.length] ?? 0
}
