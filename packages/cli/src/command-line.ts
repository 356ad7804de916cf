import { VerdictError } from '@verdict/contract'
import { nearest, parseArguments, usage } from './arguments.ts'
import {
  type Command,
  type CommandContext,
  type CommandGroup,
  ExitCode,
  isGroup,
} from './command.ts'
import { COMMANDS } from './commands.ts'
import { CliError, CliErrorCode } from './errors.ts'
import { commandHelp, groupHelp, overview } from './help.ts'
import { VERSION } from './version.ts'

/** What asks for help where a command's name is expected. */
const HELP: readonly (string | undefined)[] = ['--help', '-h', 'help']

/** Runs one command line; resolves with the exit code. */
export async function runCommandLine(
  args: readonly string[],
  context: CommandContext,
  commands: readonly (Command | CommandGroup)[] = COMMANDS,
): Promise<number> {
  const { terminal } = context
  try {
    const [name, ...rest] = args
    if (name === undefined || HELP.includes(name)) {
      terminal.line(overview(commands).trimEnd())
      return name === undefined ? ExitCode.usage : ExitCode.ok
    }
    if (name === '--version') {
      terminal.line(VERSION)
      return ExitCode.ok
    }
    const named = commands.find((candidate) => candidate.name === name)
    if (named === undefined) throw unknownCommand(name, commands)
    if (isGroup(named)) return await runGroup(named, rest, context)
    return await runCommand(named, rest, context)
  } catch (error) {
    return explain(error, context)
  }
}

async function runGroup(
  group: CommandGroup,
  [word, ...rest]: readonly string[],
  context: CommandContext,
): Promise<number> {
  if (word === undefined || HELP.includes(word)) {
    context.terminal.line(groupHelp(group).trimEnd())
    return word === undefined ? ExitCode.usage : ExitCode.ok
  }
  const command = group.commands.find(({ name }) => name === `${group.name} ${word}`)
  if (command === undefined) throw unknownCommand(word, group.commands, group.name)
  return await runCommand(command, rest, context)
}

async function runCommand(
  command: Command,
  args: readonly string[],
  context: CommandContext,
): Promise<number> {
  const { options, positionals, help } = parseArguments(command, args)
  if (!help) return await command.run(options, positionals, context)
  context.terminal.line(commandHelp(command).trimEnd())
  return ExitCode.ok
}

function unknownCommand(
  word: string,
  commands: readonly Pick<Command, 'name'>[],
  group = '',
): CliError {
  const of = group === '' ? '' : ` of \`verdict ${group}\``
  const words = commands.map(({ name }) => name.slice(group === '' ? 0 : group.length + 1))
  const meant = nearest(word, words)
  const hint = meant === undefined ? '' : `, did you mean \`${meant}\`?`
  return usage(group, `\`${word}\` is no command${of}${hint}`)
}

/** Says what went wrong: our own errors in their own words, anything else with its stack. */
function explain(error: unknown, { terminal, stop }: CommandContext): number {
  if (stop.aborted && error instanceof Error && error.name === 'AbortError') {
    return ExitCode.interrupted
  }
  const known = error instanceof VerdictError
  const text = known ? error.message : error instanceof Error ? error.stack : String(error)
  terminal.error(`${terminal.paint('red', 'verdict:')} ${text}`)
  return error instanceof CliError && error.code === CliErrorCode.usage
    ? ExitCode.usage
    : ExitCode.failed
}
