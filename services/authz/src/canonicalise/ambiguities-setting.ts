import { setting } from '@verdict/service'
import { CHOICES_FORM, DEFAULT_CHOICES, formatChoices, parseChoices } from './ambiguity.ts'

/** A setting of what is done about each kind of ambiguity. */
export function ambiguitiesSetting(named: { env: `VERDICT_${string}`; help: string }) {
  return {
    ...setting.text(named),
    kind: 'ambiguities',
    form: CHOICES_FORM,
    default: DEFAULT_CHOICES,
    defaultText: formatChoices(DEFAULT_CHOICES),
    parse: (text: string) => parseChoices(text, DEFAULT_CHOICES),
  }
}
