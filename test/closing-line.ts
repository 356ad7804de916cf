import type { Reporter, SerializedError, TestModule } from 'vitest/node'

interface Tally {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/**
 * Ends the output of a run with one line, `N passed, N failed` (and `, N skipped` where so). What
 * kept tests from running counts as failed: a file or suite with an error, an error outside of
 * any test, a test that never ended.
 */
export default class ClosingLine implements Reporter {
  onTestRunEnd(
    modules: ReadonlyArray<TestModule>,
    unhandledErrors: ReadonlyArray<SerializedError>,
  ): void {
    const line = closingLine(tally(modules, unhandledErrors.length))
    // After all else that is printed, whatever other reporters still have to say.
    process.once('exit', () => process.stdout.write(`${line}\n`))
  }
}

export function closingLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

function tally(modules: ReadonlyArray<TestModule>, errors: number): Tally {
  let [passed, failed, skipped] = [0, errors, 0]
  for (const module of modules) {
    failed += module.errors().length
    for (const suite of module.children.allSuites()) failed += suite.errors().length
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'passed') passed += 1
      else if (state === 'skipped') skipped += 1
      else failed += 1
    }
  }
  return { passed, failed, skipped }
}
