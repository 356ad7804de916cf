import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import {
  ConfigError,
  Counter,
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
  processes: setting.integer({
    env: 'VERDICT_AUTHN_PROCESSES',
    default: 2,
    help: 'How many processes share the port.',
  }),
  behaviour: setting.oneOf({
    env: 'VERDICT_AUTHN_BEHAVIOUR',
    values: ['good', 'config-fails', 'prepare-fails', 'second-fails', 'stop-hangs'],
    default: 'good',
    help: 'What goes wrong.',
  }),
  mark: setting.path({
    env: 'VERDICT_AUTHN_MARK',
    optional: true,
    help: 'A file that is made once, before the first process.',
  }),
  broken: setting.path({
    env: 'VERDICT_AUTHN_BROKEN',
    optional: true,
    help: 'A file in the presence of which no process can start.',
  }),
} as const

/** A service of several processes that misbehaves as it is told. */
const shared: ServiceDefinition<typeof settings> = {
  name: 'authn',
  summary: 'a service for the tests of several processes',
  settings,
  processes: ({ processes }) => processes,
  async prepare({ mark, behaviour }) {
    if (behaviour === 'prepare-fails') throw new Error('nothing is prepared')
    if (mark === undefined) return
    if (existsSync(mark)) throw new Error('this is done already')
    writeFileSync(mark, '')
  },
  async start({ config, worker, log, metrics, health, stopping }) {
    const { behaviour, host, port } = config
    if (behaviour === 'config-fails') {
      const { env } = settings.behaviour
      throw new ConfigError([{ env, message: `${env} names nothing` }])
    }
    if (config.broken !== undefined && existsSync(config.broken)) throw new Error('broken')
    if (behaviour === 'second-fails' && worker.index === 2) throw new Error('no such luck')
    const requests = new Counter({ name: 'requests_total', help: 'All.', registers: [metrics] })
    const http = createHttp({ log, metrics, health })
    let slow = 0
    http.get('/who', async (_request, reply) => {
      requests.inc()
      reply.header('connection', 'close')
      return { ...worker, pid: process.pid, slow }
    })
    http.get('/slow', async () => {
      slow += 1
      await once(stopping, 'abort')
      await delay(300)
      return { finished: true }
    })
    http.post('/hang', async () => {
      const end = performance.now() + 6_000
      while (performance.now() < end);
      return {}
    })
    await http.listen({ host, port })
    return {
      async stop() {
        await http.close()
        if (behaviour === 'stop-hangs') await delay(3_600_000)
      },
    }
  },
}

if (import.meta.main) await run(shared)
