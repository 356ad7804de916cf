import type { ServiceContext } from '@verdict/service'
import type { AuditConfig } from '../config.ts'
import type { Store } from '../store.ts'
import { DamageMark } from './damage-mark.ts'
import { ScrubEvents } from './scrub-events.ts'
import { Scrubber } from './scrubber.ts'

type ScrubContext = Pick<
  ServiceContext<AuditConfig>,
  'config' | 'health' | 'log' | 'metrics' | 'stopping'
>

/**
 * Begins to verify the log in the background, where that is wanted. What was damaged before the
 * start is looked at when this resolves, so that nothing is added to it.
 */
export async function startScrubber(
  { config, health, log, metrics, stopping: signal }: ScrubContext,
  store: Store,
): Promise<AsyncDisposable> {
  const { dataDir, scrubRate: rate } = config
  const mark = new DamageMark(dataDir)
  const events = new ScrubEvents(log, metrics)
  const scrubber = new Scrubber({ store, mark, events, rate, signal })
  health.check('log', () => scrubber.health())
  await scrubber.begin()
  return scrubber
}
