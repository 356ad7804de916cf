import { SERVICES, type ServiceName } from '@verdict/contract'
import { ConfigError, type ConfigProblem } from './errors.ts'
import type { ConfigOf, Setting, Settings } from './settings.ts'

export type Environment = Readonly<Record<string, string | undefined>>

const PREFIX = 'VERDICT_'
/** Of the toolchain and the command line, which every process may hand on. */
const KNOWN_EVERYWHERE = [
  'VERDICT_TOKEN',
  'VERDICT_OPA_BIN',
  'VERDICT_NATS_SERVER_BIN',
  'VERDICT_ENVOY_BIN',
  'VERDICT_CADDY_BIN',
]
/** A name is taken for a misspelling of another when this many letters turn it into the other. */
const SUGGESTION_EDITS_MAX = 2
/** A value that is shown in a message is cut here. */
const SHOWN_CHARS_MAX = 100

/**
 * Reads the settings of a service from the environment.
 * @throws {ConfigError} with every problem at once, not only the first
 */
export function readConfig<const S extends Settings>(
  settings: S,
  env: Environment,
  service: ServiceName,
): ConfigOf<S> {
  const problems: ConfigProblem[] = []
  const config: Record<string, unknown> = {}
  for (const [name, setting] of Object.entries(settings)) {
    const text = env[setting.env]
    if (text === undefined) {
      if (setting.default === undefined && !setting.optional) problems.push(missing(setting))
      config[name] = setting.default
      continue
    }
    const value = text === '' ? undefined : setting.parse(text)
    if (value === undefined) problems.push(malformed(setting, text))
    config[name] = value
  }
  problems.push(...unknownNames(settings, env, service))
  if (problems.length > 0) throw new ConfigError(problems)
  return Object.freeze(config) as ConfigOf<S>
}

/** Reads the settings of a service from the environment of this process. */
export function readProcessConfig<const S extends Settings>(
  settings: S,
  service: ServiceName,
): ConfigOf<S> {
  return readConfig(settings, process.env, service)
}

/** The problems of a configuration as plain text, one a line. */
export function formatConfigError(service: ServiceName, { problems }: ConfigError): string {
  const count = problems.length === 1 ? 'a setting' : `${problems.length} settings`
  const lines = problems.map(({ message }) => `  ${message}\n`)
  return `verdict ${service} can't start: ${count} can't be used\n${lines.join('')}`
}

function missing({ env, form }: Setting<unknown>): ConfigProblem {
  return { env, message: `${env} is missing: expected ${form}` }
}

function malformed({ env, form, secret }: Setting<unknown>, text: string): ConfigProblem {
  if (text === '') return { env, message: `${env} is empty: expected ${form}; unset it for none` }
  const shown = secret ? 'the given value (secret)' : `\`${shorten(text)}\``
  return { env, message: `${env} can't be ${shown}: expected ${form}` }
}

function unknownNames(
  settings: Settings,
  env: Environment,
  service: ServiceName,
): readonly ConfigProblem[] {
  const known = new Set([
    ...Object.values(settings).map((setting): string => setting.env),
    ...KNOWN_EVERYWHERE,
  ])
  const foreign = SERVICES.filter((name) => name !== service).map(prefixOf)
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && env[name] !== undefined && !known.has(name))
    .filter((name) => !foreign.some((prefix) => name.startsWith(prefix)))
    .sort()
    .map((name) => unknown(name, known, service))
}

function unknown(env: string, known: ReadonlySet<string>, service: ServiceName): ConfigProblem {
  const nearest = [...known]
    .map((name) => ({ name, edits: editDistance(env, name) }))
    .reduce((best, next) => (next.edits < best.edits ? next : best))
  const hint =
    nearest.edits <= SUGGESTION_EDITS_MAX
      ? `did you mean ${nearest.name}?`
      : 'unset it, or see --help for the names'
  return { env, message: `${env} is not a setting of ${service}: ${hint}` }
}

function prefixOf(service: ServiceName): string {
  return `${PREFIX}${service.toUpperCase()}_`
}

function shorten(text: string): string {
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX - 1)}…` : text
}

/** Levenshtein's distance, row by row. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
