#!/usr/bin/env node
// `npx verdict`: runs the command line on a Node.js that can, which may not be the one that
// started this file.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import * as module from 'node:module'
import { fileURLToPath } from 'node:url'

const [major, minor] = process.versions.node.split('.').map(Number)
const main = new URL('../src/main.ts', import.meta.url)

if (major > 24 || (major === 24 && minor >= 15)) {
  // Whatever starts a second time finds its modules compiled.
  module.enableCompileCache(fileURLToPath(new URL('../../../.cache/node', import.meta.url)))
  const { main: run } = await import(main)
  process.exitCode = await run(process.argv.slice(2))
} else {
  const node = fileURLToPath(new URL('../../../node_modules/node/bin/node', import.meta.url))
  if (existsSync(node)) {
    const child = spawn(node, [fileURLToPath(main), ...process.argv.slice(2)], { stdio: 'inherit' })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
      process.on(signal, () => child.kill(signal))
    }
    process.exitCode = await new Promise((resolve) => {
      child.once('error', (error) => {
        process.stderr.write(`verdict: ${error.message}\n`)
        resolve(1)
      })
      child.once('close', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143)))
    })
  } else {
    process.stderr.write(
      `verdict: Node.js ${process.versions.node} is too old: ` +
        'run `npm start` once, which brings Node.js 24, or install Node.js 24.15 or newer\n',
    )
    process.exitCode = 1
  }
}
