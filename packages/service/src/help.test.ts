import { expect, test } from 'vitest'
import { helpText } from './help.ts'
import { commonSettings, setting } from './settings.ts'

const settings = {
  ...commonSettings,
  secret: setting.text({ env: 'VERDICT_A', default: 'hunter2', secret: true, help: 'A secret.' }),
  needed: setting.integer({ env: 'VERDICT_B', min: 1, help: 'A number.' }),
  spare: setting.flag({ env: 'VERDICT_C', optional: true, help: 'A flag.' }),
}
const text = helpText({ name: 'audit', summary: 'keeps the record', settings })

test('the help names every setting with its default, its meaning and its form', () => {
  for (const { env, help, form, defaultText, secret } of Object.values(settings)) {
    expect(text).toContain(env)
    expect(text).toContain(help)
    expect(text).toContain(form)
    if (defaultText !== undefined && !secret) expect(text).toContain(defaultText)
  }
})

test('the help says what is required, what is left out, and no secret', () => {
  expect(text).toMatch(/VERDICT_A +\(secret\) +A secret\./)
  expect(text).toMatch(/VERDICT_B +\(required\) +A number\./)
  expect(text).toMatch(/VERDICT_C +\(none\) +A flag\./)
  expect(text).not.toContain('hunter2')
})

test('the meanings begin in one column', () => {
  const rows = text.split('\n').filter((line) => line.startsWith('  VERDICT_'))
  const columns = Object.values(settings).map(({ help }, i) => rows[i]?.indexOf(help))
  expect(new Set(columns).size).toBe(1)
})
