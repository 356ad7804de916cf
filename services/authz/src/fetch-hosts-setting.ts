import { AllowedHosts } from '@verdict/policy'
import { setting } from '@verdict/service'

/** A setting of the hosts that policies may ask. */
export function fetchHostsSetting(named: { env: `VERDICT_${string}`; help: string }) {
  return {
    ...setting.text(named),
    kind: 'hosts',
    form: 'hosts, separated by commas, such as `users.internal:8080,*.example.com`',
    default: [] as readonly string[],
    defaultText: '',
    parse: (text: string): readonly string[] | undefined => {
      const hosts = text.split(',').map((host) => host.trim())
      return AllowedHosts.parse(hosts) === undefined ? undefined : hosts
    },
  }
}
