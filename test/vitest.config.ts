import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const ENGINE_TIMEOUT_MS = 5_000
const hasContainerEngine =
  spawnSync('docker', ['info'], { stdio: 'ignore', timeout: ENGINE_TIMEOUT_MS }).status === 0

/** What a server that we did not start may do otherwise: these run against a container, too. */
const ON_NATS = ['packages/bus/src/{connect,consume,provision}.test.ts']

const limits = { testTimeout: 30_000, hookTimeout: 60_000 }

/** What `npm test` runs. `vitest run <folder>` without this file works too. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('..', import.meta.url)),
    // Tests start real servers and wait for them; many more at once would starve them.
    maxWorkers: 3,
    reporters: ['default', fileURLToPath(new URL('closing-line.ts', import.meta.url))],
    projects: [
      {
        test: {
          ...limits,
          name: 'native',
          include: ['packages/**/*.test.ts', 'services/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: ['**/node_modules/**', '**/fixtures/**', 'test/containers/**'],
        },
      },
      {
        test: {
          ...limits,
          name: 'container',
          // Without an engine one test that is skipped says so.
          include: hasContainerEngine ? ON_NATS : ['test/containers/no-engine.test.ts'],
          env: { TEST_NATS: 'container', TESTCONTAINERS_RYUK_DISABLED: 'true' },
        },
      },
    ],
  },
})
