import { join } from 'node:path'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { beforeAll, expect, test } from 'vitest'
import { RULE_SHAPES } from '../../test/rule-shapes.ts'
import { buildBundle } from '../build.ts'
import { loadPolicy } from '../load.ts'
import type { LoadedPolicy } from '../policy.ts'

const FEW = 10
const MANY = 400

/** All shapes with so many rules each, as packages of one bundle. */
async function policyOf(count: number): Promise<LoadedPolicy> {
  await using scratch = temporaryDirectory()
  const sources = join(scratch.path, 'policies')
  const files = RULE_SHAPES.map(({ rules }, at) => [
    `s${at}.rego`,
    `package s${at}\n\n${rules(count)}`,
  ])
  writeFiles(sources, Object.fromEntries(files))
  const entrypoints = RULE_SHAPES.map((_, at) => `s${at}/x`)
  const how = { sources, entrypoints, cacheDir: scratch.path }
  return await loadPolicy(await buildBundle({ opa: await opaBinary(), ...how }), {
    memoBytesMax: 0,
  })
}

let few: LoadedPolicy
let many: LoadedPolicy
beforeAll(async () => {
  few = await policyOf(FEW)
  many = await policyOf(MANY)
})

test.for(RULE_SHAPES.map((shape, at) => [shape.name, shape, `s${at}/x`] as const))(
  'rules by %s cost the same for few and for many',
  ([, shape, entrypoint]) => {
    const spent = (policy: LoadedPolicy, input: object) => {
      const answer = policy.evaluate(entrypoint, input)
      return { answer, units: policy.spent }
    }
    const [found, foundOfMany] = [spent(few, shape.hit(FEW)), spent(many, shape.hit(MANY))]
    const [none, noneOfMany] = [spent(few, shape.miss), spent(many, shape.miss)]
    expect(found.answer).not.toEqual(none.answer)
    expect(foundOfMany.answer).not.toEqual(noneOfMany.answer)
    expect(foundOfMany.units).toBeLessThan(found.units * 2)
    expect(noneOfMany.units).toBeLessThan(none.units * 2)
  },
)
