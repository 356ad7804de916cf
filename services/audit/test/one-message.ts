/**
 * Opens a log, takes in one message, shows a checkpoint of it, and closes:
 * `node one-message.ts DIR INSTANCE`. It tells what was acknowledged:
 *
 *     tried <id of a decision>
 *     acknowledged <id of a decision>
 *     refused <code>: <message>
 *
 * `verdict torture` runs it with faults at each of its system calls, and then without.
 */
import {
  chainHash,
  encodeRecord,
  genesisHash,
  messageOf,
  newDecisionId,
  subjects,
} from '@verdict/contract'
import { Store } from '../src/store.ts'

const RECORDS = 3
const EPOCH = 1

const [dir = '', instance = ''] = process.argv.slice(2)
const ids = Array.from({ length: RECORDS }, () => newDecisionId())

function tell(what: string): void {
  process.stdout.write(`${what}\n`)
}

function batch(): Buffer {
  let hash = genesisHash(instance, EPOCH)
  const lines = ids.map((id, at) => {
    const decision = {
      destination: { namespace: 'shop', service: 'orders' },
      durationUs: 250,
      id,
      identity: { status: 'verified', subject: 'alice', issuer: 'https://issuer.test' },
      outcome: 'allow',
      policy: { entrypoint: 'envoy/authz/allow', revision: '0'.repeat(64) },
      principal: 'alice',
      protocol: 'envoy-grpc',
      reason: 'allowed',
      request: { host: 'orders', id: instance, method: 'GET', path: '/orders', scheme: 'http' },
      source: { address: '10.0.0.1' },
      status: 200,
      time: new Date().toISOString(),
    } as const
    const json = encodeRecord(decision, { instance, epoch: EPOCH, n: at + 1 })
    hash = chainHash(hash, json)
    return `${hash} ${json}\n`
  })
  return Buffer.from(lines.join(''))
}

async function takeIn(): Promise<void> {
  for (const id of ids) tell(`tried ${id}`)
  using store = await Store.open({ dir })
  store.record({ data: batch(), subject: subjects.journal(instance), seq: store.lastIndex + 1 })
  for (const id of ids) tell(`acknowledged ${id}`)
}

try {
  await takeIn()
} catch (error) {
  tell(
    `refused ${error instanceof Error && 'code' in error ? error.code : ''}: ${messageOf(error)}`,
  )
  process.exitCode = 1
}
