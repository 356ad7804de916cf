import type { Readable } from 'node:stream'
import type { Environment } from '@verdict/toolchain'
import type { Terminal } from './terminal.ts'

/** How a command ends; `check` and `doctor` add their own meaning to 1. */
export const ExitCode = { ok: 0, failed: 1, usage: 2, fault: 3, interrupted: 130 } as const

/** One option of a command: its help is made from this. */
export type OptionSpec = {
  readonly help: string
  /** The letter of the short form. */
  readonly short?: string
} & (
  | { readonly kind: 'flag' }
  | { readonly kind: 'text'; readonly value: string; readonly default?: string }
  | { readonly kind: 'list'; readonly value: string }
  | {
      readonly kind: 'integer'
      readonly value: string
      readonly min: number
      readonly max: number
      readonly default?: number
    }
)
export type OptionTable = Readonly<Record<string, OptionSpec>>

type ValueOf<S extends OptionSpec> = S extends { kind: 'flag' }
  ? boolean
  : S extends { kind: 'list' }
    ? readonly string[]
    : S extends { kind: 'text' }
      ? S extends { default: string }
        ? string
        : string | undefined
      : S extends { default: number }
        ? number
        : number | undefined

/** The values of a table's options, by their names. */
export type OptionValues<T extends OptionTable> = { readonly [Name in keyof T]: ValueOf<T[Name]> }

/** What every command gets. */
export interface CommandContext {
  readonly terminal: Terminal
  readonly env: Environment
  readonly stdin: Readable
  /** Aborted by Ctrl-C or a signal: finish what was begun. */
  readonly stop: AbortSignal
  /** Aborted by a second Ctrl-C: do not wait any more. */
  readonly force: AbortSignal
}

export interface Command {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** More, for the command's own help; lines around it are trimmed. */
  readonly description: string
  /** The arguments that are no options, as usage shows them; empty where there are none. */
  readonly positionals: string
  readonly positionalsMax: number
  readonly options: OptionTable
  readonly examples: readonly string[]
  /** Arguments that are not of the table go to `run` as they are. */
  readonly passThrough?: true
  run(
    options: OptionValues<OptionTable>,
    positionals: readonly string[],
    context: CommandContext,
  ): Promise<number>
}

/** Commands about one thing: `verdict policy build`, `verdict policy sign`. */
export interface CommandGroup {
  readonly name: string
  readonly summary: string
  readonly description: string
  /** Their names begin with that of the group: `policy build`. */
  readonly commands: readonly Command[]
}

/** Whether it is of others that a name is the beginning. */
export function isGroup(command: Command | CommandGroup): command is CommandGroup {
  return 'commands' in command
}

/** A command with the types of its own options. */
export interface CommandDefinition<T extends OptionTable> extends Omit<Command, 'options' | 'run'> {
  readonly options: T
  run(
    options: OptionValues<T>,
    positionals: readonly string[],
    context: CommandContext,
  ): Promise<number>
}

/** Ties the type of what `run` gets to the table of options. */
export function defineCommand<const T extends OptionTable>(
  definition: CommandDefinition<T>,
): Command {
  // The values are parsed with this very table, so they have its types.
  return definition as unknown as Command
}
