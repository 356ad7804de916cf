import { setting } from '@verdict/service'
import { ENTRYPOINT_FIELD } from './route-fields.ts'

/** A setting of several rules. */
export function entrypointsSetting(named: { env: `VERDICT_${string}`; help: string }) {
  return {
    ...setting.text(named),
    kind: 'entrypoints',
    form: 'paths of rules, separated by commas, such as `shop/admin/allow,shop/web/allow`',
    default: [] as readonly string[],
    defaultText: '',
    parse: (text: string): readonly string[] | undefined => {
      const paths = text.split(',').map((path) => ENTRYPOINT_FIELD.read(path.trim()))
      const known = paths.filter((path) => path !== undefined)
      return known.length === paths.length ? known : undefined
    },
  }
}
