import { Gauge, type Registry } from '@verdict/service'
import type { InstanceState, Instances } from './instances.ts'

const MS_PER_SECOND = 1_000

/** Gauges of all instances, as of each scrape. */
export function addInstanceMetrics(metrics: Registry, instances: Instances): void {
  gauge('verdict_instance_up', 'Whether an instance was heard in time.', ({ up }) => Number(up))
  gauge('verdict_instance_ready', 'Whether an instance is up and says that it is ready.', (state) =>
    Number(state.ready),
  )
  gauge(
    'verdict_instance_heartbeat_age_seconds',
    'Time since an instance was heard.',
    ({ ageMs }) => ageMs / MS_PER_SECOND,
  )

  function gauge(name: string, help: string, measure: (state: InstanceState) => number): void {
    new Gauge({
      name,
      help,
      labelNames: ['service', 'instance'],
      registers: [metrics],
      collect() {
        this.reset()
        for (const state of instances.list()) {
          const { service, instance } = state
          this.set({ service, instance }, measure(state))
        }
      },
    })
  }
}
