import { PERSONAL_FIELDS, PERSONAL_FIELDS_DEFAULT, type PersonalField } from '@verdict/contract'
import { setting } from '@verdict/service'

/** A setting of fields that name a person. */
export function personalFieldsSetting(named: { env: `VERDICT_${string}`; help: string }) {
  return {
    ...setting.text(named),
    kind: 'fields',
    form: `fields, separated by commas, of ${PERSONAL_FIELDS.join(', ')}`,
    default: PERSONAL_FIELDS_DEFAULT,
    defaultText: PERSONAL_FIELDS_DEFAULT.join(','),
    parse: (text: string): readonly PersonalField[] | undefined => {
      const names = text.split(',').map((name) => name.trim())
      const fields = PERSONAL_FIELDS.filter((field) => names.includes(field))
      return fields.length === names.length ? fields : undefined
    },
  }
}
