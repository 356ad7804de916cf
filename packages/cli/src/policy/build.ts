import {
  type ArchiveOptions,
  type BuildStep,
  type BuiltArchive,
  buildArchive,
  digestOf,
  signBundle,
} from '@verdict/policy'
import { provide } from '@verdict/toolchain'
import { usage } from '../arguments.ts'
import { type CommandContext, defineCommand, ExitCode, type OptionValues } from '../command.ts'
import type { Step } from '../terminal.ts'
import { writeNamedFile } from './files.ts'
import { signingKeyOf, signingOptions } from './keys.ts'
import { reportRows } from './report.ts'
import { type BundleFacts, shownRows } from './shown.ts'

const DEFAULT_ENTRYPOINT = 'envoy/authz/allow'
/** As `opa` is called, for those who want to do the same by hand. */
const STEPS: Readonly<Record<BuildStep, string>> = {
  check: 'opa check --strict',
  test: 'opa test',
  coverage: 'opa test --coverage',
  compile: 'opa build',
  pack: 'packing the bundle',
}

const options = {
  policies: { kind: 'text', value: 'DIR', default: 'policies', help: 'the Rego and data' },
  entrypoint: {
    kind: 'list',
    value: 'RULE',
    help: `a rule that will be asked, instead of \`${DEFAULT_ENTRYPOINT}\``,
  },
  output: { kind: 'text', value: 'FILE', default: 'bundle.tar.gz', help: 'write the bundle there' },
  revision: {
    kind: 'text',
    value: 'TEXT',
    help: 'what it is called (default: the digest of its sources)',
  },
  serial: {
    kind: 'integer',
    value: 'N',
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    help: 'a number that only grows, by which bundles are ordered (default: the time)',
  },
  root: {
    kind: 'list',
    value: 'PATH',
    help: "data that is the bundle's own, such as `shop`, instead of all",
  },
  'coverage-min': {
    kind: 'integer',
    value: 'PERCENT',
    min: 0,
    max: 100,
    default: 0,
    help: 'refuse policies whose tests run through less of them',
  },
  report: { kind: 'flag', help: 'tell of each rule whether it is looked up in a table, else why' },
  json: { kind: 'flag', help: 'print JSON, and no steps' },
  'no-rule-index': { kind: 'flag', help: 'compile the rules as they are, without tables' },
  'allow-fetch': {
    kind: 'flag',
    help: 'take policies that ask other services, where decision points let them',
  },
  sign: { kind: 'text', value: 'KEY.pem', help: 'sign it with this private key' },
  ...signingOptions,
} as const
type Values = OptionValues<typeof options>

export const buildPolicy = defineCommand({
  name: 'policy build',
  summary: 'check, test and compile policies into a bundle',
  description: `
Makes one file of a folder of policies, in OPA's bundle format: checked strictly, tested, and
compiled for the decision points, with the Rego it is made of. Prints what was made.
`,
  positionals: '',
  positionalsMax: 0,
  options,
  examples: [
    'verdict policy build --sign ops.pem',
    'verdict policy build --policies shop --entrypoint shop/allow --root shop --coverage-min 90',
    'verdict policy build --report --json',
  ],
  async run(values, _positionals, context) {
    if (values.sign === undefined && (values['key-id'] ?? values.scope) !== undefined) {
      throw usage('policy build', '`--key-id` and `--scope` need `--sign`')
    }
    const key = values.sign === undefined ? undefined : await signingKeyOf(values.sign, values)
    const built = await buildStepByStep(values, context)
    const archive = key === undefined ? built.archive : await signBundle(built.archive, key)
    await writeNamedFile(values.output, archive)
    const facts: BundleFacts = {
      file: values.output,
      size: archive.byteLength,
      digest: digestOf(archive),
      revision: built.revision,
      serial: built.serial,
      entrypoints: built.entrypoints,
      roots: built.roots,
      signedBy: key?.id,
    }
    if (values.json) context.terminal.line(JSON.stringify(jsonOf(facts, built, values)))
    else print(facts, built, values, context)
    return ExitCode.ok
  },
})

async function buildStepByStep(
  values: Values,
  { terminal, env, stop }: CommandContext,
): Promise<BuiltArchive> {
  let step: Step | undefined
  const begin = (what: string) => {
    step?.done()
    step = values.json ? undefined : terminal.step(what)
  }
  begin('finding opa')
  try {
    const opa = await provide('opa', {
      env,
      signal: stop,
      onProgress: (doing) => step?.update(doing),
    })
    const onStep = (next: BuildStep) => begin(STEPS[next])
    const built = await buildArchive({ ...optionsOf(values), opa, signal: stop, onStep })
    step?.done()
    return built
  } catch (error) {
    step?.failed()
    throw error
  }
}

function optionsOf(values: Values): Omit<ArchiveOptions, 'opa'> {
  const { policies, entrypoint, revision, serial, root } = values
  return {
    sources: policies,
    entrypoints: entrypoint.length === 0 ? [DEFAULT_ENTRYPOINT] : entrypoint,
    coverageMinPercent: values['coverage-min'],
    ruleIndex: !values['no-rule-index'],
    allowFetch: values['allow-fetch'],
    ...(revision !== undefined && { revision }),
    ...(serial !== undefined && { serial }),
    ...(root.length > 0 && { roots: root }),
  }
}

function jsonOf(facts: BundleFacts, { tests, coverage, ...built }: BuiltArchive, values: Values) {
  const { ruleIndex, labels } = built
  const { rules, indexed } = ruleIndex ?? {}
  return {
    ...facts,
    tests,
    coveragePercent: coverage.percent,
    ...(ruleIndex && { rules, indexed }),
    ...(values.report && { report: { coverage, ruleIndex, labels } }),
  }
}

function print(
  facts: BundleFacts,
  built: BuiltArchive,
  { report }: Values,
  { terminal }: CommandContext,
): void {
  const { tests, coverage, ruleIndex } = built
  const indexed =
    ruleIndex === undefined
      ? 'switched off'
      : `${ruleIndex.indexed} of ${ruleIndex.rules} rules are looked up in tables`
  const more = {
    tests: `${tests} passed`,
    coverage: `${coverage.percent} % of ${coverage.lines} lines`,
    'rule index': indexed,
  }
  for (const row of shownRows(facts, more)) terminal.line(row)
  if (report) for (const row of reportRows(built)) terminal.line(row)
}
