import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { formatBytes, formatDuration, parseBytes, parseDuration } from './quantity.ts'

/** The name of an environment variable of ours. */
export type EnvName = `VERDICT_${string}`

/** One setting: its default, its variable, its help and how its text is read. */
export interface Setting<out Value> {
  readonly kind: string
  readonly env: EnvName
  readonly help: string
  /** The value is never shown, neither in help nor in a message. */
  readonly secret: boolean
  /** May be left out although there is no default; its value is `undefined` then. */
  readonly optional: boolean
  /** The accepted form, for people: it follows the word “expected”. */
  readonly form: string
  readonly default: Value | undefined
  /** The default as one would write it in the environment. */
  readonly defaultText: string | undefined
  /** `undefined` where the text is not of the accepted form. */
  readonly parse: (text: string) => Value | undefined
}

export type Settings = Readonly<Record<string, Setting<unknown>>>

/** What `readConfig` makes of a table of settings. */
export type ConfigOf<S extends Settings> = {
  readonly [Name in keyof S]: S[Name] extends Setting<infer Value> ? Value : never
}

/** Without a default the setting must be given, unless it is optional. */
export interface SettingOptions<Value> {
  readonly env: EnvName
  /** What the setting means, in one sentence. */
  readonly help: string
  readonly default?: Value
  readonly optional?: true
  readonly secret?: true
}

export interface RangeOptions extends SettingOptions<number> {
  readonly min?: number
  readonly max?: number
}

export interface UrlOptions extends SettingOptions<string> {
  /** Accepted schemes, without the colon. Default: http and https. */
  readonly schemes?: readonly string[]
  /** Several addresses, separated by commas, are accepted. */
  readonly many?: true
}

export interface OneOfOptions<Value extends string> extends SettingOptions<Value> {
  readonly values: readonly Value[]
}

type Given<Options, Value> = Options extends { readonly optional: true } ? Value | undefined : Value

/** The kinds of settings. Each reads one text of the environment into one typed value. */
export const setting = {
  port<const O extends SettingOptions<number>>(options: O): Setting<Given<O, number>> {
    const form = 'a port from 1 to 65535'
    return define('port', options, form, String, (text) => integerIn(text, 1, 65_535))
  },

  /** A port that there need not be. */
  portOrOff<const O extends SettingOptions<number | 'off'>>(
    options: O,
  ): Setting<Given<O, number | 'off'>> {
    const form = 'a port from 1 to 65535, or off'
    return define<O, number | 'off'>('port', options, form, String, (text) =>
      text === 'off' ? text : integerIn(text, 1, 65_535),
    )
  },

  integer<const O extends RangeOptions>(options: O): Setting<Given<O, number>> {
    const { min = 0, max = Number.MAX_SAFE_INTEGER } = options
    const form = `a whole number ${range(String, options)}`
    return define('integer', options, form, String, (text) => integerIn(text, min, max))
  },

  text<const O extends SettingOptions<string>>(options: O): Setting<Given<O, string>> {
    return define('text', options, 'a text', String, (text) => text)
  },

  /** An address to listen on. */
  address<const O extends SettingOptions<string>>(options: O): Setting<Given<O, string>> {
    const form = 'an IP address, or localhost'
    return define('address', options, form, String, (text) =>
      isIP(text) !== 0 || text === 'localhost' ? text : undefined,
    )
  },

  /** A file or folder, made absolute from the working directory. */
  path<const O extends SettingOptions<string>>(options: O): Setting<Given<O, string>> {
    const defined = define('path', options, 'the path of a file or folder', String, parsePath)
    const path = options.default === undefined ? undefined : resolve(options.default)
    return { ...defined, default: path as Given<O, string> | undefined }
  },

  url<const O extends UrlOptions>(options: O): Setting<Given<O, string>> {
    const { schemes = ['http', 'https'], many = false } = options
    const one = `a URL of scheme ${schemes.join(' or ')} without credentials`
    const form = many ? `${one}, or several separated by commas` : one
    return define('url', options, form, String, (text) => {
      const urls = many ? text.split(',') : [text]
      return urls.every((url) => isUrl(url, schemes)) ? text : undefined
    })
  },

  oneOf<Value extends string, const O extends OneOfOptions<Value>>(
    options: O & OneOfOptions<Value>,
  ): Setting<Given<O, O['values'][number]>> {
    const form = `one of ${options.values.join(', ')}`
    return define('one of', options, form, String, (text) =>
      options.values.find((value) => value === text),
    )
  },

  flag<const O extends SettingOptions<boolean>>(options: O): Setting<Given<O, boolean>> {
    return define('flag', options, 'true or false', String, (text) =>
      text === 'true' ? true : text === 'false' ? false : undefined,
    )
  },

  /** The value is in ms; it is written with a unit. */
  durationMs<const O extends RangeOptions>(options: O): Setting<Given<O, number>> {
    const form = `a duration such as 500ms, 10s, 5m, 1h or 30d ${range(formatDuration, options)}`
    return define('duration', options, form, formatDuration, (text) =>
      within(parseDuration(text), options),
    )
  },

  /** The value is in bytes; it is written plain, or in KiB, MiB or GiB. */
  bytes<const O extends RangeOptions>(options: O): Setting<Given<O, number>> {
    const form = `a size such as 512, 64KiB, 16MiB or 4GiB ${range(formatBytes, options)}`
    return define('size', options, form, formatBytes, (text) => within(parseBytes(text), options))
  },
} as const

/** Settings that every service has. */
export const commonSettings = {
  natsUrl: setting.url({
    env: 'VERDICT_NATS_URL',
    default: 'nats://127.0.0.1:4222',
    schemes: ['nats', 'tls'],
    many: true,
    help: 'Where the NATS servers of the cluster are.',
  }),
  keysDir: setting.path({
    env: 'VERDICT_KEYS_DIR',
    default: '.verdict/keys',
    help: 'The folder with one nkey seed per role, `<role>.nk`.',
  }),
  host: setting.address({
    env: 'VERDICT_HOST',
    default: '127.0.0.1',
    help: 'The address that every listener binds; `0.0.0.0` or `::` for all.',
  }),
  logLevel: setting.oneOf({
    env: 'VERDICT_LOG_LEVEL',
    values: ['trace', 'debug', 'info', 'warn', 'error', 'fatal'],
    default: 'info',
    help: 'Log lines below this level are left out.',
  }),
  stopTimeoutMs: setting.durationMs({
    env: 'VERDICT_STOP_TIMEOUT',
    default: 10_000,
    min: 100,
    max: 600_000,
    help: 'How long an orderly stop may take before the process ends with an error.',
  }),
} as const
export type CommonSettings = typeof commonSettings

function define<Options extends SettingOptions<Value>, Value>(
  kind: string,
  options: Options,
  form: string,
  show: (value: Value) => string,
  parse: (text: string) => Value | undefined,
): Setting<Given<Options, Value>> {
  return {
    kind,
    env: options.env,
    help: options.help,
    secret: options.secret ?? false,
    optional: options.optional ?? false,
    form: form.trimEnd(),
    default: options.default as Given<Options, Value> | undefined,
    defaultText: options.default === undefined ? undefined : show(options.default),
    parse: parse as (text: string) => Given<Options, Value> | undefined,
  }
}

function integerIn(text: string, min: number, max: number): number | undefined {
  return /^-?\d{1,16}$/.test(text) ? within(Number(text), { min, max }) : undefined
}

function within(
  value: number | undefined,
  { min = 0, max = Number.MAX_SAFE_INTEGER }: { min?: number; max?: number },
): number | undefined {
  return value !== undefined && value >= min && value <= max ? value : undefined
}

function range(show: (value: number) => string, { min, max }: RangeOptions): string {
  if (min !== undefined && max !== undefined) return `from ${show(min)} to ${show(max)}`
  if (min !== undefined) return `of at least ${show(min)}`
  return max === undefined ? '' : `of at most ${show(max)}`
}

function parsePath(text: string): string | undefined {
  return text.includes('\0') ? undefined : resolve(text)
}

function isUrl(text: string, schemes: readonly string[]): boolean {
  const url = URL.parse(text)
  if (url === null || !schemes.includes(url.protocol.slice(0, -1))) return false
  // A comma is permitted in a host, and is never meant as a part of one.
  if (url.host === '' || url.host.includes(',')) return false
  return url.username === '' && url.password === ''
}
