import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import {
  ConfigError,
  commonSettings,
  createHttp,
  run,
  type ServiceDefinition,
  setting,
} from '@verdict/service'

const settings = {
  ...commonSettings,
  port: setting.port({
    env: 'VERDICT_AUTHN_HTTP_PORT',
    default: 8182,
    help: 'The port of the HTTP server.',
  }),
  behaviour: setting.oneOf({
    env: 'VERDICT_AUTHN_BEHAVIOUR',
    values: [
      'good',
      'config-fails',
      'start-fails',
      'start-hangs',
      'start-waits',
      'stop-hangs',
      'stop-fails',
      'leaks',
    ],
    default: 'good',
    help: 'What goes wrong.',
  }),
} as const

async function forever(): Promise<void> {
  await delay(3_600_000)
}

/** A service of one HTTP server that misbehaves as it is told, for the tests of `run`. */
const echo: ServiceDefinition<typeof settings> = {
  name: 'authn',
  summary: 'a service for the tests of run',
  settings,
  async start({ config, log, metrics, health, stopping, fail }) {
    const { behaviour, host, port } = config
    if (behaviour === 'start-fails') throw new Error('no such luck')
    if (behaviour === 'config-fails') {
      const { env } = settings.behaviour
      throw new ConfigError([{ env, message: `${env} names nothing` }])
    }
    if (behaviour === 'start-hangs') await forever()
    if (behaviour === 'start-waits') await delay(3_600_000, undefined, { signal: stopping })
    const http = createHttp({ log, metrics, health })
    http.post('/fail', async () => fail(new Error('the disk is gone')))
    http.post('/throw', async () => {
      setImmediate(() => {
        throw new Error('nobody caught this')
      })
      return {}
    })
    http.post('/reject', async () => {
      setImmediate(() => void Promise.reject(new Error('nobody awaited this')))
      return {}
    })
    let slowEntered = false
    http.get('/slow-entered', async () => slowEntered)
    http.get('/slow', async () => {
      slowEntered = true
      await once(stopping, 'abort')
      // Long enough for another signal to arrive.
      await delay(500)
      return { finished: true }
    })
    await http.listen({ host, port })
    return {
      async stop() {
        await http.close()
        if (behaviour === 'stop-fails') throw new Error('the stop went wrong')
        if (behaviour === 'stop-hangs') await forever()
        if (behaviour === 'leaks') void forever()
      },
    }
  },
}

if (import.meta.main) await run(echo)
