import type { ServiceContext } from '@verdict/service'
import { type AuditConfig, settings, shardPlanOf } from './config.ts'
import type { Events } from './events.ts'
import { readPinnedKeys } from './ingest/pinned-keys.ts'
import type { PersonalReader } from './key-store/personal-reader.ts'
import type { StoreOptions, StoreWatch } from './open-store.ts'
import { openOrStandBy } from './standby/standby.ts'
import { Store } from './store.ts'
import { addWitnessGauges, WitnessEvents, witnessHealth } from './witnesses/witness-events.ts'
import { readWitnessPolicy } from './witnesses/witness-policy.ts'

/**
 * Opens the log as it is configured, or stands by until that is possible.
 * @returns undefined where the service is stopped before
 * @throws {AuditError} as `Store.open` @throws {ConfigError}
 */
export async function openLog(
  context: ServiceContext<AuditConfig>,
  events: Events,
  personal: PersonalReader,
): Promise<Store | undefined> {
  const { config, fail, health, log, metrics } = context
  const witnesses = new WitnessEvents(log, metrics)
  const watch: StoreWatch = { ...events, witness: (event) => witnesses.take(event), failed: fail }
  const options = { ...optionsOf(config), personal, watch }
  const store = await openOrStandBy(
    context,
    async (takeOver) => await Store.open({ ...options, takeOver }),
  )
  if (store?.witnesses !== undefined) {
    addWitnessGauges(metrics, () => store.witnesses)
    health.check('witnesses', () => witnessHealth(store.witnesses))
  }
  return store
}

function optionsOf(config: AuditConfig): Omit<StoreOptions, 'personal' | 'watch'> {
  const { dataDir: dir, instanceKeys, lockFile, origin, witnessPolicy } = config
  const { env } = settings.instanceKeys
  return {
    ...{ dir, lockFile, origin },
    pinnedKeys: instanceKeys === undefined ? undefined : readPinnedKeys(instanceKeys, env),
    shards: shardPlanOf(config),
    witnessPolicy: witnessPolicy === undefined ? undefined : readWitnessPolicy(witnessPolicy),
  }
}
