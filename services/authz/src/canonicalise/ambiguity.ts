import { AuthzError, AuthzErrorCode } from '../errors.ts'

/**
 * What two components could read differently, each kind as one bit; docs/ambiguities.md tells what
 * they mean. Lists of kinds are in this order.
 */
export const Ambiguity = {
  nul: 1 << 0,
  invalid_utf8: 1 << 1,
  encoded_dot_segment: 1 << 2,
  backslash: 1 << 3,
  dot_segment: 1 << 4,
  empty_segment: 1 << 5,
  encoded_slash: 1 << 6,
  path_parameter: 1 << 7,
  double_encoding: 1 << 8,
  control_character: 1 << 9,
  lookalike: 1 << 10,
  fragment: 1 << 11,
  empty_path: 1 << 12,
  asterisk_target: 1 << 13,
  absolute_target: 1 << 14,
  rootless_path: 1 << 15,
  authority_userinfo: 1 << 16,
  authority_form: 1 << 17,
  authority_invalid: 1 << 18,
  authority_mismatch: 1 << 19,
  repeated_header: 1 << 20,
  method_form: 1 << 21,
} as const
export type AmbiguityKind = keyof typeof Ambiguity

/** What each kind is, as a client is told that is refused. */
export const MEANINGS: Readonly<Record<AmbiguityKind, string>> = {
  nul: 'a NUL, raw or as `%00`, where some readers stop',
  invalid_utf8: 'bytes that are not UTF-8, overlong forms among them',
  encoded_dot_segment: 'a segment `.` or `..` that shows only once escapes or parameters are gone',
  backslash: 'a backslash in the path, raw or as `%5c`, which some take for a slash',
  dot_segment: 'a segment `.` or `..`, which some resolve and others keep',
  empty_segment: 'two slashes in a row, which some take for one',
  encoded_slash: 'an escaped slash, which some take for a slash',
  path_parameter: 'a semicolon in the path, from which on some cut a segment',
  double_encoding: 'an escape that is still there when the path is decoded',
  control_character: 'a control character in the path, or a raw one in the query',
  lookalike: 'a character of Unicode that looks like a slash, backslash, dot or percent sign',
  fragment: 'a `#`, at which some cut the target',
  empty_path: 'no path',
  asterisk_target: 'the target `*`, which is the server and no path',
  absolute_target: 'a target with a scheme and an authority of its own',
  rootless_path: 'a path that does not begin with a slash',
  authority_userinfo: 'userinfo in the authority, such as `shop.example@other`',
  authority_form: "capitals, a dot at the end or the scheme's own port in the authority",
  authority_invalid: 'an authority that is no name or address with a port',
  authority_mismatch: 'host, `:authority`, `Host` or the target name different authorities',
  repeated_header: 'a header several times that has one value, such as `authorization`',
  method_form: 'a method that is not in capital letters',
}

/** The reason of a denial in its record. */
export function codeOf(kind: AmbiguityKind): `ambiguous_${AmbiguityKind}` {
  return `ambiguous_${kind}`
}

export const AMBIGUITY_KINDS = Object.keys(Ambiguity) as readonly AmbiguityKind[]

/** What is done about a kind; kinds in neither set are allowed, and nothing is said of them. */
export interface AmbiguityChoices {
  /** The bits of the kinds that are denied with 400. */
  readonly refuse: number
  /** The bits of the kinds that are decided, and listed in `input.ambiguities`. */
  readonly flag: number
}

const ALL = AMBIGUITY_KINDS.reduce((bits, kind) => bits | Ambiguity[kind], 0)
/** No honest client sends these. */
const REFUSED =
  Ambiguity.nul | Ambiguity.invalid_utf8 | Ambiguity.encoded_dot_segment | Ambiguity.backslash

export const DEFAULT_CHOICES: AmbiguityChoices = { refuse: REFUSED, flag: ALL & ~REFUSED }

/** The accepted form of a text of choices, for people. */
export const CHOICES_FORM =
  'kinds of docs/ambiguities.md with refuse, flag or allow, such as `backslash=flag,nul=refuse`; ' +
  '`all=…` may come first'

/** `base` with what the text changes of it; undefined where the text is malformed. */
export function parseChoices(text: string, base: AmbiguityChoices): AmbiguityChoices | undefined {
  let { refuse, flag } = base
  let named = 0
  for (const [at, entry] of text.split(',').entries()) {
    const [kind = '', choice, ...rest] = entry.trim().split('=')
    const bits = kind === 'all' && at === 0 ? ALL : bitOf(kind)
    if (bits === undefined || rest.length > 0 || (named & bits) !== 0) return undefined
    if (choice !== 'refuse' && choice !== 'flag' && choice !== 'allow') return undefined
    if (bits !== ALL) named |= bits
    refuse = choice === 'refuse' ? refuse | bits : refuse & ~bits
    flag = choice === 'flag' ? flag | bits : flag & ~bits
  }
  return { refuse, flag }
}

/** The choices as the setting writes them. */
export function formatChoices({ refuse, flag }: AmbiguityChoices): string {
  const others = AMBIGUITY_KINDS.filter((kind) => (flag & Ambiguity[kind]) === 0).map(
    (kind) => `${kind}=${(refuse & Ambiguity[kind]) === 0 ? 'allow' : 'refuse'}`,
  )
  return ['all=flag', ...others].join(',')
}

function bitOf(kind: string): number | undefined {
  return Object.hasOwn(Ambiguity, kind) ? Ambiguity[kind as AmbiguityKind] : undefined
}

/** What is done about the ambiguities of one request. */
export interface AmbiguityFinding {
  /** The first kind that is refused. */
  readonly refused: AmbiguityKind | undefined
  readonly flagged: readonly AmbiguityKind[]
}

const NOTHING: AmbiguityFinding = { refused: undefined, flagged: [] }

/** Where Envoy's configuration of a route says what it does about ambiguities. */
export const ROUTE_KEY = 'verdict.ambiguities'
/** Texts of routes that are remembered; with more of them all are forgotten, and read again. */
const ROUTES_MAX = 1_000

/** What the setting says, and what a route changes of it. */
export class AmbiguityRules {
  readonly #choices: AmbiguityChoices
  readonly #routes = new Map<string, AmbiguityChoices>()

  constructor(choices: AmbiguityChoices) {
    this.#choices = choices
  }

  /** The bits of those that the setting flags. */
  flagged(ambiguities: number): number {
    return ambiguities & this.#choices.flag
  }

  /**
   * `route` are the context extensions of Envoy's route; without a word in them, `otherwise` holds.
   * @throws {AuthzError} `route_invalid`, even where nothing of the request is ambiguous
   */
  judge(
    ambiguities: number,
    route: Readonly<Record<string, string>> | undefined,
    otherwise?: string,
  ): AmbiguityFinding {
    const text = route?.[ROUTE_KEY] ?? otherwise
    const choices = text === undefined ? this.#choices : this.#routeChoices(text)
    if (ambiguities === 0) return NOTHING
    const { refuse, flag } = choices
    return {
      refused: AMBIGUITY_KINDS.find((kind) => (ambiguities & refuse & Ambiguity[kind]) !== 0),
      flagged: AMBIGUITY_KINDS.filter((kind) => (ambiguities & flag & Ambiguity[kind]) !== 0),
    }
  }

  #routeChoices(text: string): AmbiguityChoices {
    const known = this.#routes.get(text)
    if (known !== undefined) return known
    const choices = parseChoices(text, this.#choices)
    if (choices === undefined) {
      const why = `the context extension \`${ROUTE_KEY}\` is \`${text}\`, expected ${CHOICES_FORM}`
      throw new AuthzError(AuthzErrorCode.routeInvalid, why)
    }
    if (this.#routes.size >= ROUTES_MAX) this.#routes.clear()
    this.#routes.set(text, choices)
    return choices
  }
}
