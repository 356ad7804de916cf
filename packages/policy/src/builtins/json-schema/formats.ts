import { parseAddress } from '../../go/ip.ts'
import { compilePattern } from '../../go/patterns.ts'
import { parseUrl } from '../../go/url.ts'
import { BuiltinError } from '../builtin.ts'

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/
const TIME = /^(\d{1,2}):(\d{2}):(\d{2})(?:[.,]\d+)?(Z|[-+](\d{2}):(\d{2}))?$/
const LABEL = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]{0,61}[a-zA-Z0-9])'
const HOSTNAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`)
const HOSTNAME_BYTES_MAX = 255
const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\u0080-\\u{10ffff}-]+"
const DOT_ATOM = `${ATOM}(?:\\.${ATOM})*`
const QUOTED = '"(?:[^"\\\\\\u0000-\\u0008\\u000a-\\u001f\\u007f]|\\\\[\\t\\u0020-\\u007e])*"'
const ADDRESS = `(?:${DOT_ATOM}|${QUOTED})@(?:${DOT_ATOM}|\\[[^\\]]*\\])`
const EMAIL = new RegExp(
  `^[ \\t]*(?:${ADDRESS}|(?:(?:${ATOM}|${QUOTED}|\\.)[ \\t]*)*<${ADDRESS}>)[ \\t]*$`,
  'u',
)
const POINTER = '(?:/(?:[^~/]|~0|~1)*)*'

const isUri = (text: string) => {
  const url = parseUrl(text)
  return url !== undefined && url.scheme !== '' && !text.includes('\\')
}
const isUriReference = (text: string) => parseUrl(text) !== undefined && !text.includes('\\')
const isEmail = (text: string) => EMAIL.test(text)

/** The formats that are checked; OPA lets others pass. */
const FORMATS: ReadonlyMap<string, (text: string) => boolean> = new Map([
  ['date', isDate],
  ['time', isTime],
  ['date-time', isDateTime],
  ['hostname', (text) => HOSTNAME.test(text) && Buffer.byteLength(text) <= HOSTNAME_BYTES_MAX],
  ['email', isEmail],
  ['idn-email', isEmail],
  ['ipv4', (text) => text.includes('.') && parseAddress(text) !== undefined],
  ['ipv6', (text) => text.includes(':') && parseAddress(text) !== undefined],
  ['uri', isUri],
  ['uri-reference', isUriReference],
  ['iri', isUri],
  ['iri-reference', isUriReference],
  ['uri-template', isUriTemplate],
  ['uuid', (text) => /^[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}$/i.test(text)],
  ['regex', isRegex],
  ['json-pointer', (text) => new RegExp(`^${POINTER}$`).test(text)],
  ['relative-json-pointer', (text) => new RegExp(`^(?:0|[1-9][0-9]*)(?:#|${POINTER})$`).test(text)],
])

export function hasFormat(text: string, format: string): boolean {
  return FORMATS.get(format)?.(text) ?? true
}

function isDate(text: string): boolean {
  const [, year, month, day] = (DATE.exec(text) ?? []).map(Number)
  if (year === undefined || month === undefined || day === undefined) return false
  const last = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate()
  return month >= 1 && month <= 12 && day >= 1 && day <= last
}

function isTime(text: string): boolean {
  const [match, hour, minute, second, , zoneHour = 0, zoneMinute = 0] = TIME.exec(text) ?? []
  if (match === undefined) return false
  const isZone = Number(zoneHour) <= 24 && Number(zoneMinute) < 60
  return Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60 && isZone
}

/** A time alone and a date alone pass too; with both, a zone is needed. */
function isDateTime(text: string): boolean {
  if (isDate(text) || isTime(text)) return true
  const zoned = /(?:Z|[-+]\d{2}:\d{2})$/.test(text)
  return zoned && text[10] === 'T' && isDate(text.slice(0, 10)) && isTime(text.slice(11))
}

/** Braces must close, and hold no others. */
function isUriTemplate(text: string): boolean {
  const url = parseUrl(text)
  if (url === undefined || text.includes('\\')) return false
  let isOpen = false
  for (const character of url.path) {
    if (character === '{') {
      if (!isOpen) isOpen = true
    } else if (character === '}') isOpen = false
  }
  return !isOpen
}

function isRegex(text: string): boolean {
  try {
    compilePattern(text)
    return true
  } catch (error) {
    if (error instanceof BuiltinError) return false
    throw error
  }
}
