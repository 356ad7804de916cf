import { expect, test } from 'vitest'
import { verdict } from '../test/captured.ts'
import { isGroup } from './command.ts'
import { COMMANDS } from './commands.ts'

/** Those that do something, of groups too. */
const RUN = COMMANDS.flatMap((command) => (isGroup(command) ? command.commands : [command]))
const GROUPS = COMMANDS.filter(isGroup)

test('the help lists every command, and a bare `verdict` prints it as a mistake', async () => {
  const help = await verdict(['--help'])
  for (const { name, summary } of COMMANDS) {
    expect(help.out).toMatch(new RegExp(`^  ${name} +${summary}$`, 'm'))
  }
  expect(help.code).toBe(0)
  expect(await verdict([])).toMatchObject({ code: 2, out: help.out })
})

test.each(RUN.map((command) => [command.name, command] as const))(
  'the help of `%s` tells its usage, every option with its default, and an example',
  async (name, command) => {
    const { code, out } = await verdict([...name.split(' '), '--help'])
    expect(code).toBe(0)
    expect(out).toMatch(new RegExp(`^Usage: verdict ${name} \\[options\\]`, 'm'))
    for (const [option, spec] of Object.entries(command.options)) {
      const row = new RegExp(`^ +(-\\w, )?--${option}\\b`)
      const line = out.split('\n').find((each) => row.test(each))
      expect(line).toContain(spec.help)
      if ('default' in spec) expect(line).toContain(`(default: ${spec.default})`)
    }
    expect(command.examples.length).toBeGreaterThan(0)
    for (const example of command.examples) expect(out).toContain(example)
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(110)
  },
)

test.each(GROUPS)(
  '`verdict $name` lists its commands, and is a mistake by itself',
  async (group) => {
    const help = await verdict([group.name, '--help'])
    expect(help.code).toBe(0)
    expect(help.out).toContain(`Usage: verdict ${group.name} <command> [options]`)
    for (const { name, summary } of group.commands) {
      expect(name).toMatch(new RegExp(`^${group.name} \\S+$`))
      expect(help.out).toMatch(new RegExp(`^  ${name.split(' ')[1]} +${summary}$`, 'm'))
    }
    expect(await verdict([group.name])).toMatchObject({ code: 2, out: help.out })
  },
)

test('an unknown command of a group is a mistake, and the nearest one is suggested', async () => {
  expect(await verdict(['policy', 'biuld'])).toEqual({
    code: 2,
    out: '',
    err:
      'verdict: `biuld` is no command of `verdict policy`, did you mean `build`? ' +
      '(see `verdict policy --help`)\n',
  })
  expect((await verdict(['policy', 'build', '--reprot'])).err).toContain(
    '`--reprot` is no option of `verdict policy build`, did you mean `--report`? ' +
      '(see `verdict policy build --help`)',
  )
})

test('an unknown command is a mistake, and the nearest one is suggested', async () => {
  expect(await verdict(['dve'])).toEqual({
    code: 2,
    out: '',
    err: 'verdict: `dve` is no command, did you mean `dev`? (see `verdict --help`)\n',
  })
  expect((await verdict(['something-else'])).err).not.toContain('did you mean')
})

test('an unknown option is a mistake, and the nearest one is suggested', async () => {
  expect(await verdict(['dev', '--port-bas', '20000'])).toMatchObject({
    code: 2,
    err:
      'verdict: `--port-bas` is no option of `verdict dev`, did you mean `--port-base`? ' +
      '(see `verdict dev --help`)\n',
  })
})

test.each([
  [['dev', '--port-base', '80'], '`--port-base 80`: expected a whole number from 1024 to'],
  [['dev', '--port-base', '2e4'], '`--port-base 2e4`: expected a whole number'],
  [['dev', '--data-dir'], '`--data-dir` needs a value'],
  [['dev', '--no-demo=yes'], '`--no-demo` takes no value'],
  [['dev', 'now'], '`now` is one argument too many'],
  [['check'], '`--path` or `--file` is needed'],
  [['check', '--path', '/', '--header', 'nonsense'], '`--header` needs NAME:VALUE'],
  [['tail', '--outcome', 'maybe'], '`--outcome maybe`: expected one of allow, deny'],
  [['tail', '--since', '3', '--from-start'], 'exclude each other'],
  [['tail', '--audit', 'nowhere'], '`--audit nowhere` is no URL'],
  [['keys'], 'the folder for the keys is needed'],
  [['keys', 'a', '--servers', 'b'], '`--servers` needs `--server-config`'],
])('`verdict %j` is a mistake that says what is expected', async (args, message) => {
  const { code, err } = await verdict(args)
  expect(err).toContain(message)
  expect(err).toContain(`(see \`verdict ${args[0]} --help\`)`)
  expect(code).toBe(2)
})

test('the version is that of the package', async () => {
  expect((await verdict(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/)
})
