import { VerdictError } from '@verdict/contract'
import { nearest, parseArguments, usage } from './arguments.ts'
import { type Command, type CommandContext, ExitCode } from './command.ts'
import { COMMANDS } from './commands.ts'
import { CliError, CliErrorCode } from './errors.ts'
import { commandHelp, overview } from './help.ts'
import { VERSION } from './version.ts'

/** Runs one command line; resolves with the exit code. */
export async function runCommandLine(
  args: readonly string[],
  context: CommandContext,
  commands: readonly Command[] = COMMANDS,
): Promise<number> {
  const { terminal } = context
  try {
    const [name, ...rest] = args
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
      terminal.line(overview(commands).trimEnd())
      return name === undefined ? ExitCode.usage : ExitCode.ok
    }
    if (name === '--version') {
      terminal.line(VERSION)
      return ExitCode.ok
    }
    const command = commands.find((candidate) => candidate.name === name)
    if (command === undefined) throw unknownCommand(name, commands)
    const { options, positionals, help } = parseArguments(command, rest)
    if (!help) return await command.run(options, positionals, context)
    terminal.line(commandHelp(command).trimEnd())
    return ExitCode.ok
  } catch (error) {
    return explain(error, context)
  }
}

function unknownCommand(name: string, commands: readonly Command[]): CliError {
  const meant = nearest(
    name,
    commands.map((command) => command.name),
  )
  const hint = meant === undefined ? '' : `, did you mean \`${meant}\`?`
  return usage('', `\`${name}\` is no command${hint}`)
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
