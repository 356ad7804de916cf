import { execFile } from 'node:child_process'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { describe, expect, test, vi } from 'vitest'
import { errorOf } from '../../test/policy-under-test.ts'
import { randomInput, randomPolicy } from '../../test/random-policy.ts'
import { SHOP_ENTRYPOINT, shopInput, user, workload } from '../../test/shop-requests.ts'
import { buildBundle } from '../build.ts'
import type { Bundle } from '../bundle/bundle.ts'
import { loadPolicy } from '../load.ts'
import type { LoadedPolicy } from '../policy.ts'
import { BODIES, randomOf, requestOf } from '../rule-index/generated-rules.ts'
import { readValue } from '../value/read.ts'
import { regoText } from '../value/rego-text.ts'
import type { Value } from '../value/value.ts'
import { writeJson } from '../value/write.ts'
import { interpret } from './interpret.ts'
import { type Program, programOf } from './program.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })
const run = promisify(execFile)
const SHIPPED = resolve(import.meta.dirname, '../../../../policies')
const FAULT = 'a fault'

interface Both {
  readonly policy: LoadedPolicy
  readonly program: Program
  readonly data: Value
}

async function both(files: Readonly<Record<string, string>>, entrypoints: string[]): Promise<Both> {
  await using scratch = temporaryDirectory()
  const sources = join(scratch.path, 'policies')
  writeFiles(sources, files)
  return await bothOf({ sources, entrypoints, cacheDir: join(scratch.path, 'cache') })
}

async function bothOf(options: {
  sources: string
  entrypoints: string[]
  cacheDir: string
}): Promise<Both> {
  // The plan of the policies as they are written, not that of the rule index's.
  const bundle: Bundle = await buildBundle({ ...options, opa: await opaBinary(), ruleIndex: false })
  return {
    policy: await loadPolicy(bundle, { memoBytesMax: 0 }),
    program: programOf(bundle.sourcePlan ?? bundle.plan ?? new Uint8Array()),
    data: readValue(Buffer.from(bundle.data).toString('utf8')),
  }
}

const shown = (value: Value | undefined): string =>
  value === undefined ? 'undefined' : regoText(value)

function interpreted({ program, data }: Both, entrypoint: string, input: Value): string {
  try {
    return shown(interpret(program, { entrypoint, input, data }))
  } catch {
    return FAULT
  }
}

function compiled({ policy }: Both, entrypoint: string, input: Value): string {
  try {
    return shown(policy.evaluateValue(entrypoint, input))
  } catch {
    return FAULT
  }
}

describe('the interpreter answers as the module does', () => {
  test.for([11, 12, 13])('on random policies (seed %i)', async (seed) => {
    const random = randomOf(seed)
    const names = Array.from({ length: 24 }, (_, n) => `p${n}`)
    const texts = names.map((name) => [`${name}.rego`, randomPolicy(random, name)])
    const data = { d: { one: 1, list: [1, 'a', null], map: { a: 1, b: { c: [] } } } }
    const files = { ...Object.fromEntries(texts), 'data.json': JSON.stringify(data) }
    const engines = await both(
      files,
      names.map((name) => `${name}/answer`),
    )
    let answered = 0
    for (const [at, name] of names.entries()) {
      for (let n = 0; n < 40; n++) {
        const input = readValue(JSON.stringify(randomInput(random)))
        const came = interpreted(engines, `${name}/answer`, input)
        const why = `${name} of ${regoText(input)}:\n${texts[at]?.[1]}`
        expect(came, why).toBe(compiled(engines, `${name}/answer`, input))
        if (came !== FAULT && came !== 'undefined') answered += 1
      }
    }
    expect(answered).toBeGreaterThan(400)
  })

  test('on rules of the forms that are indexed', async () => {
    const random = randomOf(5)
    const helpers = [
      'http := input.http',
      'tenant := input.tenant',
      'own(a, b) if a == b',
      'import data.levels',
    ]
    const names = Object.keys(BODIES)
    const rules = names.flatMap((name) =>
      Array.from({ length: 6 }, () => `${name} contains 1 if {\n\t${BODIES[name]?.(random)}\n}`),
    )
    const [imported, ...defined] = helpers.toReversed()
    const rego = ['package p', imported, ...defined, ...rules].join('\n\n')
    const data = JSON.stringify({ levels: { x: 1, y: 2, GET: 0 } })
    const engines = await both({ 'p.rego': rego, 'data.json': data }, ['p'])
    const answers = new Set<string>()
    for (let n = 0; n < 300; n++) {
      const input = readValue(JSON.stringify(requestOf(random)))
      const came = interpreted(engines, 'p', input)
      expect(came, regoText(input)).toBe(compiled(engines, 'p', input))
      answers.add(came)
    }
    expect(answers.size).toBeGreaterThan(20)
  })

  test.for([
    ['a built-in without operands', 'x := [opa.runtime(), 1]'],
    ['a built-in that prints', 'x if { print(input.a); trace("b") }'],
    ['the data with what rules add to it', 'x := data.rules'],
    ['a rule by a name of the input', 'x := data.rules[input.name]'],
    ['a rule by a name that is not there', 'x := data.rules.deep[input.a][input.name]'],
    ['paths with variables', 'x := m\n\nm[k][v] := 1 if some k, v in input\n\nm.a.b contains 2'],
    ['`with` on a built-in', 'x := v if v := y with count as 7\n\ny := count(input)'],
    ['`with` on a function', 'x := v if v := f(1) with f as g\n\nf(n) := n\n\ng(n) := n + 1'],
    ['`with` on the data of a rule', 'x := v if v := y with data.rules.a as 3\n\ny := data.rules'],
    [
      'nested `with`',
      'x := [y, z]\n\nz := v if v := y with input.a as 5\n\ny := v if v := input with input.b.c as 1',
    ],
    ['`every` over no collection', 'x if every v in input.a { v > 0 }'],
    ['sets of what is equal in other texts', 'x := {1, 1.0, 1e0, input.a, [input.a], {input.a}}'],
    ['objects by such keys', 'x := {input.a: 1, 1.0: 1, "b": {input.a: 2}}'],
    ['a template', 'x := $"a is {input.a}, no {input.none}"'],
    ['walk', 'x := [p | walk(input, [p, 1])]'],
  ])('on %s', async ([, rego]) => {
    const rules = 'package rules\n\na := 1\n\nb := input.a\n\nc if input.none\n'
    const data = JSON.stringify({ rules: { d: [1] } })
    const files = { 'p.rego': `package p\n\n${rego}\n`, 'rules.rego': rules, 'data.json': data }
    const engines = await both(files, ['p/x'])
    for (const input of [
      '{"a": 1, "b": 2, "name": "a"}',
      '{"a": [2], "name": "c"}',
      '{"name":"d"}',
    ]) {
      const value = readValue(input)
      expect(interpreted(engines, 'p/x', value)).toBe(compiled(engines, 'p/x', value))
    }
  })

  test('on the shipped policies, and as `opa eval` does', async () => {
    await using scratch = temporaryDirectory()
    const engines = await bothOf({
      sources: SHIPPED,
      entrypoints: [SHOP_ENTRYPOINT],
      cacheDir: scratch.path,
    })
    const opa = await opaBinary()
    const hosts = ['catalog', 'orders', 'foo', 'payments.shop', 'ledger.shop']
    const callers = [
      undefined,
      user(['customer']),
      { ...user(), workload: workload('web') },
      { status: 'anonymous', workload: workload('tool', 'dev') },
    ]
    let asked = 0
    for (const [at, host] of hosts.entries()) {
      for (const identity of callers) {
        for (const method of ['GET', 'POST']) {
          const path = `/${host.split('.')[0]}`
          const input = shopInput({ method, path, host, ...(identity && { identity }) })
          const value = readValue(JSON.stringify(input))
          const came = interpreted(engines, SHOP_ENTRYPOINT, value)
          expect(came).toBe(compiled(engines, SHOP_ENTRYPOINT, value))
          if (asked++ % 7 !== at) continue
          expect(came).toBe(await evaluatedByOpa(opa, value))
        }
      }
    }
  })
})

async function evaluatedByOpa(opa: string, input: Value): Promise<string> {
  await using scratch = temporaryDirectory()
  writeFiles(scratch.path, { 'input.json': writeJson(input) })
  const args = ['eval', '--data', SHIPPED, '--input', 'input.json', '--format', 'raw']
  const { stdout } = await run(opa, [...args, 'data.envoy.authz.allow'], { cwd: scratch.path })
  return regoText(readValue(stdout))
}

describe('a hostile plan', () => {
  const local = (value: number) => ({ type: 'local', value })
  const truth = { type: 'bool', value: true }
  const programWith = (stmts: readonly object[], funcs: readonly object[] = []): Program =>
    programOf(
      Buffer.from(
        JSON.stringify({
          static: { strings: [{ value: 'a' }] },
          plans: { plans: [{ name: 'x', blocks: [{ stmts }] }] },
          funcs: { funcs },
        }),
      ),
    )
  const ask = (program: Program, unitsMax?: number) =>
    interpret(program, {
      entrypoint: 'x',
      input: [...Array(1_000).keys()],
      data: new Map(),
      options: unitsMax === undefined ? {} : { unitsMax },
    })

  test('that calls itself for ever nests too deep', () => {
    const call = { type: 'CallStmt', stmt: { func: 'f', args: [local(0), local(1)], result: 2 } }
    const f = { name: 'f', params: [0, 1], return: 2, blocks: [{ stmts: [call] }] }
    expect(errorOf(() => ask(programWith([call], [f]))).code).toBe('memory_exhausted')
  })

  test('that loops within loops uses up its budget', () => {
    let block: object = { stmts: [] }
    for (let depth = 0; depth < 6; depth++) {
      const scan = { type: 'ScanStmt', stmt: { source: 0, key: 2, value: 3, block } }
      block = { stmts: [scan] }
    }
    const error = errorOf(() =>
      ask(programWith([{ type: 'BlockStmt', stmt: { blocks: [block] } }]), 1e5),
    )
    expect(error.code).toBe('budget_exhausted')
  })

  test('with statements that are none is refused', () => {
    const program = programWith([{ type: 'RebootStmt', stmt: {} }])
    expect(errorOf(() => ask(program))).toMatchObject({
      code: 'bundle_malformed',
      message: 'the plan has a statement of the unknown type `RebootStmt`',
    })
    expect(errorOf(() => programOf(Buffer.from('[')))).toMatchObject({ code: 'bundle_malformed' })
  })

  test('that gives two values says that they contradict', () => {
    const once = (source: object) => ({ type: 'AssignVarOnceStmt', stmt: { source, target: 5 } })
    const program = programWith([once(truth), once(local(0))])
    expect(errorOf(() => ask(program)).message).toContain('must not produce multiple outputs')
  })

  test('that calls what is not there says so', () => {
    const call = { type: 'CallStmt', stmt: { func: 'no.such', args: [], result: 2 } }
    expect(errorOf(() => ask(programWith([call]))).code).toBe('builtin_unsupported')
    const named = () => interpret(programWith([]), { entrypoint: 'y', input: null, data: null })
    expect(errorOf(named).code).toBe('entrypoint_unknown')
  })
})
