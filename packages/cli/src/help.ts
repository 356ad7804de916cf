import type { Command, CommandGroup, OptionSpec } from './command.ts'

/** What `verdict --help` prints. */
export function overview(commands: readonly (Command | CommandGroup)[]): string {
  return `verdict decides every request between services, and keeps a record of every decision.

Usage: verdict <command> [options]

Commands:
${listed(commands)}

\`verdict <command> --help\` tells more; \`verdict --version\` prints the version.
`
}

/** What `verdict <group> --help` prints. */
export function groupHelp({ name, description, commands }: CommandGroup): string {
  const short = commands.map((command) => ({
    name: command.name.slice(name.length + 1),
    summary: command.summary,
  }))
  return `${description.trim()}

Usage: verdict ${name} <command> [options]

Commands:
${listed(short)}

\`verdict ${name} <command> --help\` tells more.
`
}

/** What `verdict <command> --help` prints. */
export function commandHelp(command: Command): string {
  const rows = Object.entries(command.options).map(([name, spec]) => row(name, spec))
  rows.push({ left: '-h, --help', right: 'print this help' })
  const width = Math.max(...rows.map(({ left }) => left.length))
  const usage = ['verdict', command.name, '[options]', command.positionals].filter(Boolean)
  return `${command.description.trim()}

Usage: ${usage.join(' ')}

Options:
${rows.map(({ left, right }) => `  ${left.padEnd(width)}  ${right}`).join('\n')}

Examples:
${command.examples.map((example) => `  ${example}`).join('\n')}
`
}

function listed(commands: readonly Pick<Command, 'name' | 'summary'>[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  return commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join('\n')
}

function row(name: string, spec: OptionSpec): { left: string; right: string } {
  const short = spec.short === undefined ? '    ' : `-${spec.short}, `
  const value = spec.kind === 'flag' ? '' : ` ${spec.value}`
  return { left: `${short}--${name}${value}`, right: `${spec.help}${suffix(spec)}` }
}

function suffix(spec: OptionSpec): string {
  if (spec.kind === 'list') return ' (repeatable)'
  if (spec.kind === 'flag' || spec.default === undefined) return ''
  return ` (default: ${spec.default})`
}
