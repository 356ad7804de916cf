import { isIP } from 'node:net'
import { parseAddress } from '../../go/ip.ts'
import type { Certificate } from './certificate.ts'

const LABEL = /^[A-Za-z0-9_][A-Za-z0-9_-]*$/

/** Whether a certificate is for this host, a name or an address; it is for none that is empty. */
export function isHostOf({ fields }: Certificate, host: string): boolean {
  if (host === '') return true
  const address = /^\[.+\]$/.test(host) ? host.slice(1, -1) : host
  if (isIP(address) !== 0 && !address.includes('%')) {
    const wanted = parseAddress(address)?.address
    return fields.names.addresses.some(({ text }) => parseAddress(text)?.address === wanted)
  }
  const name = lower(host)
  return fields.names.dns.some((pattern) =>
    isName(name.replace(/\.$/, ''), false) && isName(pattern, true)
      ? matches(lower(pattern).split('.'), name.replace(/\.$/, '').split('.'))
      : name !== '.' && lower(pattern) === name,
  )
}

function matches(pattern: readonly string[], labels: readonly string[]): boolean {
  return (
    pattern.length === labels.length &&
    pattern.every((label, at) => (at === 0 && label === '*') || label === labels[at])
  )
}

function isName(text: string, isPattern: boolean): boolean {
  if (text === '*') return false
  return text
    .split('.')
    .every((label, at) => (isPattern && at === 0 && label === '*') || LABEL.test(label))
}

function lower(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
}
