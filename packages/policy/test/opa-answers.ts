import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { opaBinary } from '@verdict/kit'

const run = promisify(execFile)
const OUTPUT_BYTES_MAX = 64 * 1024 ** 2

/** That a decision is an error, whatever it says, which differs between the engines. */
export const FAULT = 'fault'

/**
 * What OPA's interpreter answers, by the policies in the folder `policies`, to each of the files in
 * the folder `inputs`, in the order of their names.
 */
export async function opaAnswers(folder: string, decision: string): Promise<unknown[]> {
  const args = ['exec', '--bundle', 'policies', '--decision', decision, 'inputs']
  const options = { cwd: folder, maxBuffer: OUTPUT_BYTES_MAX, env: { TZ: 'UTC' } }
  // Where some decisions have failed, the others are told all the same.
  const { stdout } = await run(await opaBinary(), args, options).catch(
    (failed: { stdout: string }) => failed,
  )
  const { result } = JSON.parse(stdout) as {
    result: { path: string; result?: unknown; error?: { code: string } }[]
  }
  return result
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ result: value, error }) =>
      error === undefined ? value : error.code === 'opa_undefined_error' ? undefined : FAULT,
    )
}
