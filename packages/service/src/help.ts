import type { ServiceName } from '@verdict/contract'
import type { Setting, Settings } from './settings.ts'

export interface HelpSubject {
  readonly name: ServiceName
  /** What the service does, in a few words. */
  readonly summary: string
  readonly settings: Settings
}

/** The text of `--help`: every setting with its default and its meaning. */
export function helpText({ name, summary, settings }: HelpSubject): string {
  const rows = Object.values(settings).map((setting) => ({
    env: setting.env,
    value: defaultOf(setting),
    help: setting.help,
    form: setting.form,
  }))
  const envWidth = Math.max(...rows.map(({ env }) => env.length))
  const valueWidth = Math.max(...rows.map(({ value }) => value.length))
  const indent = ' '.repeat(2 + envWidth + 2 + valueWidth + 2)
  const lines = rows.map(
    ({ env, value, help, form }) =>
      `  ${env.padEnd(envWidth)}  ${value.padEnd(valueWidth)}  ${help}\n` +
      `${indent}Accepts ${form}.\n`,
  )
  return [
    `verdict ${name}: ${summary}\n`,
    '\n',
    'Options\n',
    '  --help     print this text\n',
    '  --version  print the version\n',
    '\n',
    'Settings, by environment variable, with their defaults\n',
    ...lines,
    '\n',
    'Exit codes: 0 stopped in order, 1 a fault, 2 settings or options that can not be used\n',
  ].join('')
}

function defaultOf({ defaultText, optional, secret }: Setting<unknown>): string {
  if (defaultText !== undefined) return secret ? '(secret)' : defaultText
  return optional ? '(none)' : '(required)'
}
