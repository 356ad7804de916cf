// `npm start` and `npm test` begin here, on whatever Node.js the machine has: this brings the
// locked packages, and with them the Node.js that runs everything else. Plain JavaScript, and
// nothing imported that is not in Node.js 20.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const OWN_NODE_MINIMUM = [20, 0]
const NODE_MINIMUM = [24, 15]
/** Between two lines that say that npm is still at work, where there is no terminal. */
const STILL_WORKING_MS = 10_000
const SPINNER_MS = 100
const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
/** Of what npm prints, this much of the end is kept for when it fails. */
const NPM_OUTPUT_CHARS_MAX = 16_384

const root = fileURLToPath(new URL('../..', import.meta.url))
const modules = join(root, 'node_modules')
const stamp = join(modules, '.verdict-lock')

process.exitCode = await main(process.argv.slice(2))

async function main(args) {
  if (!isAtLeast(process.versions.node, OWN_NODE_MINIMUM)) {
    return fail(`Node.js ${process.versions.node} is too old: install Node.js 20 or newer`)
  }
  const lock = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')))
  const wanted = `${lock.digest('hex')}\n`
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
    if (!(await installPackages())) return 1
    writeFileSync(stamp, wanted)
  }
  const node = findNode()
  if (node === undefined) return 1
  return await run(node, [join(root, 'packages/cli/src/main.ts'), ...args])
}

/** `npm ci`: exactly what package-lock.json says. */
async function installPackages() {
  const npm = findNpm()
  if (npm === undefined) {
    fail('npm is not installed: install npm, which comes with Node.js')
    return false
  }
  const args = [...npm.args, 'ci', '--no-audit', '--no-fund', '--loglevel=error']
  const end = startStep('installing the locked packages (npm ci)')
  const child = spawn(npm.file, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const keep = (chunk) => {
    output = (output + chunk).slice(-NPM_OUTPUT_CHARS_MAX)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const code = await ended(child)
  end(code === 0)
  if (code === 0) return true
  process.stderr.write(output)
  fail(`npm ci ended with ${code}: its output above says why`)
  return false
}

function findNpm() {
  // Under `npm start` this is the npm that runs us.
  const own = process.env.npm_execpath
  if (own && basename(own) === 'npm-cli.js') return { file: process.execPath, args: [own] }
  const found = spawnSync('npm', ['--version'], { stdio: 'ignore' })
  return found.status === 0 ? { file: 'npm', args: [] } : undefined
}

/** The Node.js of the packages, or our own where that is new enough and theirs does not run. */
function findNode() {
  const file = join(modules, 'node', 'bin', 'node')
  const answer = spawnSync(file, ['--version'], { encoding: 'utf8' })
  const version = answer.status === 0 ? answer.stdout.trim().replace(/^v/, '') : undefined
  if (version !== undefined && isAtLeast(version, NODE_MINIMUM)) return file
  if (isAtLeast(process.versions.node, NODE_MINIMUM)) return process.execPath
  const is = version === undefined ? 'does not run on this machine' : `is only ${version}`
  fail(
    `the Node.js of the locked packages ${is} (${file}): ` +
      `remove node_modules and try again, or install Node.js ${NODE_MINIMUM.join('.')} or newer`,
  )
  return undefined
}

/** Runs a program in our place: it hears our signals, and we end as it ends. */
async function run(file, args) {
  // Whatever starts a second time finds its modules compiled.
  const cache = { NODE_COMPILE_CACHE: join(root, '.cache', 'node') }
  const child = spawn(file, args, { stdio: 'inherit', env: { ...cache, ...process.env } })
  // A Ctrl-C reaches the program from the terminal and again from here and from npm: it takes
  // signals that follow one another at once for one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  return await ended(child)
}

function ended(child) {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(fail(error.message)))
    child.once('close', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143)))
  })
}

/** Shows that something is being done, until the function that is returned is called. */
function startStep(what) {
  const out = process.stdout
  const began = Date.now()
  const show = (mark) => {
    const seconds = ((Date.now() - began) / 1000).toFixed(1)
    out.write(`${out.isTTY ? '\r\x1b[2K' : ''}${mark} ${what} … ${seconds} s`)
  }
  let turn = 0
  const spin = () => show(SPINNER[turn++ % SPINNER.length])
  const tell = () => {
    show('·')
    out.write('\n')
  }
  if (out.isTTY) spin()
  else tell()
  const timer = out.isTTY ? setInterval(spin, SPINNER_MS) : setInterval(tell, STILL_WORKING_MS)
  return (ok) => {
    clearInterval(timer)
    show(ok ? '✓' : '✗')
    out.write('\n')
  }
}

function isAtLeast(version, [major, minor]) {
  const [ownMajor, ownMinor] = version.split('.').map(Number)
  return ownMajor > major || (ownMajor === major && ownMinor >= minor)
}

function fail(message) {
  process.stderr.write(`verdict: ${message}\n`)
  return 1
}
