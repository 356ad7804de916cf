import { BODIES, pick, type Random } from '../rule-index/generated-rules.ts'

const WORDS = ['GET', 'POST', 'x', 'y', '', 'true', '/1', 'constructor', '__proto__']
const FILES = ['a', 'b', 'c/d']
const IMPORTS = 'import input.http as http\nimport data.lib\nimport data.lib.known as acquainted\n'

const LIB = 'package lib\n\nknown := {"x", "GET"}\n\nis_short(x) if count(x) < 3\n'

/** Heads by the name that they define: with conflicts, and without. */
const HEADS: Readonly<Record<string, (random: Random) => string>> = {
  allow: () => 'allow',
  verbose: (random) => (random(2) === 0 ? 'verbose' : 'verbose := true'),
  denied: () => 'denied := false',
  level: (random) => `level := ${pick(random, ['"a"', '`a`', '"b"', '1', 'null'])}`,
  echo: (random) => pick(random, ['echo = input.method', 'echo := [input.tenant]', 'echo := "x"']),
  reasons: (random) =>
    `reasons contains ${pick(random, ['"a"', '`b`', 'false', '[input.tenant]', '{"m": input.method}'])}`,
}

/** Rules of every name, of other conditions each, spread over the files of one package. */
export function irregularPolicy(
  random: Random,
  rulesPerName: number,
): { readonly files: Record<string, string>; readonly names: readonly string[] } {
  const texts = new Map(FILES.map((file) => [file, [`package p["q-r"].s\n\n${IMPORTS}`]]))
  const add = (file: string, text: string) => texts.get(file)?.push(text)
  add('a', 'default allow := false\n\ndefault level := "none"\n\ntenant := input.tenant\n')
  add('b', 'own(x, y) if x == y\n\nd0 := input.principal\n')
  for (const [name, head] of Object.entries(HEADS)) {
    for (let n = 0; n < rulesPerName; n++) add(pick(random, FILES), ruleOf(random, name, head))
  }
  const files = Object.fromEntries(
    [...texts].map(([file, rules]) => [`${file}.rego`, rules.join('\n')]),
  )
  const data = JSON.stringify({ levels: { x: 0, y: 1, GET: 2 } })
  return { files: { ...files, 'lib.rego': LIB, 'data.json': data }, names: Object.keys(HEADS) }
}

/** Of how many organisations `manyFormsPolicy` has rules. */
export const ORGANISATIONS = 60
const RULES_PER_FORM = 10
/** What mostly holds, so that rules of one organisation conflict. */
const OFTEN = [
  (random: Random) => `input.level >= 0; input.path != "${random(9)}"`,
  (random: Random) => `input.method != "${random(9)}"`,
  (random: Random) => `not input.nothing == ${random(9)}`,
  (random: Random) => `count(input.roles) < 1${random(9)}`,
]

/** Rules of many forms, enough of each for a table, that one part of the input tells apart. */
export function manyFormsPolicy(random: Random): Record<string, string> {
  const rules = Object.entries(HEADS).flatMap(([, head]) =>
    [...Object.values(BODIES), ...OFTEN].flatMap((body) =>
      Array.from({ length: RULES_PER_FORM }, () => {
        const org = `input.org == "o${random(ORGANISATIONS)}"`
        return `${head(random)} if {\n\t${org}\n\t${body(random)}\n}\n`
      }),
    ),
  )
  const own = 'tenant := input.tenant\n\nown(x, y) if x == y\n'
  const data = JSON.stringify({ levels: { x: 0, y: 1, GET: 2 } })
  return {
    'lib.rego': LIB,
    'p.rego': `package p\n\n${IMPORTS}\n${own}\n${rules.join('\n')}`,
    'data.json': data,
  }
}

/** Rules with a label each, and beside them a set of the labels of those that hold. */
export function labelledPolicy(random: Random, count: number): Record<string, string> {
  const rules: string[] = []
  const held: string[] = []
  for (let n = 0; n < count; n++) {
    const body = bodyOf(random)
    const head = pick(random, ['allow', 'allow', 'reasons contains "r"'])
    rules.push(`# METADATA\n# title: l${n}\n${head} if ${body}\n`)
    held.push(`held contains "l${n}" if ${body}\n`)
  }
  const own = 'tenant := input.tenant\n\nown(x, y) if x == y\n\nd0 := input.principal\n'
  const file = (name: string, texts: readonly string[]) =>
    `package ${name}\n\n${IMPORTS}\n${own}\n${texts.join('\n')}`
  const data = JSON.stringify({ levels: { x: 0, y: 1, GET: 2 } })
  return {
    'p.rego': file('p', rules),
    'oracle.rego': file('oracle', held),
    'lib.rego': LIB,
    'data.json': data,
  }
}

function ruleOf(random: Random, name: string, head: (random: Random) => string): string {
  let text = `${head(random)} if ${bodyOf(random)}`
  const mayElse = name === 'level' || name === 'echo'
  for (let n = mayElse ? random(3) : 0; n > 0; n--) {
    text += ` else := ${pick(random, ['"e"', '"a"', 'input.level'])} if ${bodyOf(random)}`
  }
  return `${text}\n`
}

function bodyOf(random: Random): string {
  const tests = Array.from({ length: random(3) }, () => testOf(random))
  const other = random(4) === 0 ? otherOf(random) : pick(random, Object.values(BODIES))(random)
  // OPA refuses a name that becomes a variable's after it was used.
  const conditions = tests.filter((each) => !(other.includes('some http') && each.includes('http')))
  conditions.splice(random(conditions.length + 1), 0, other)
  const [only = ''] = conditions
  const single = conditions.length === 1 && !/[;\n]/.test(only) && random(2) === 0
  return single ? only : `{\n\t${conditions.join('\n\t')}\n}`
}

/** What rules may be dispatched by, and what looks like it. */
function testOf(random: Random): string {
  const [word, another] = [JSON.stringify(pick(random, WORDS)), JSON.stringify(pick(random, WORDS))]
  return pick(random, [
    `input.tenant == ${word}`,
    `input.tenant == ${word} # of ${another}`,
    `input["tenant"] = ${word}`,
    `${word} == input.method`,
    `input.parts[0] == ${word}`,
    `input.method in {${word}, ${another}}`,
    `input.tenant in [${word}, ${another}, "y"]`,
    `http.method == ${word}`,
    `not input.tenant == ${word}`,
    `input.roles[_] == ${word}`,
    `input.level == ${random(3)}`,
    `input.parts[0] == ${random(3)}`,
    `input.tenant == input.method`,
  ])
}

function otherOf(random: Random): string {
  const word = JSON.stringify(pick(random, WORDS))
  return pick(random, [
    `own(input.tenant, ${word}) with input.tenant as ${word}`,
    `tenant == "x" with input.tenant as input.method`,
    'acquainted[input.method]',
    'lib.is_short(input.tenant)',
    `d0 == ${word}`,
    `some d0 in input.roles; d0 == ${word}`,
    `lib := input.http; lib.method == ${word}`,
    'true',
    `allowed = input.tenant; allowed == ${word}`,
  ])
}
