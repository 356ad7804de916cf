import type { ServiceName } from '@verdict/contract'
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { VERSION } from './version.ts'

/** Fills a registry, a new one by default, with the metrics of the process and `verdict_build_info`. */
export function createMetrics(service: ServiceName, registry: Registry = new Registry()): Registry {
  collectDefaultMetrics({ register: registry })
  new Gauge({
    name: 'verdict_build_info',
    help: 'Always 1; the labels say what runs.',
    labelNames: ['service', 'version', 'node'],
    // Of several processes, all say the same.
    aggregator: 'first',
    registers: [registry],
  }).set({ service, version: VERSION, node: process.version }, 1)
  return registry
}
