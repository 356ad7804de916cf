import type { CommandGroup } from '../command.ts'
import { addSubscriber } from '../subscriber/add.ts'
import { followEvents } from '../subscriber/follow.ts'
import { listSubscribers } from '../subscriber/list.ts'
import { dropSubscriber } from '../subscriber/remove.ts'

/** Who reads decisions over NATS. */
export const subscriber: CommandGroup = {
  name: 'subscriber',
  summary: 'give others a key to read decisions over NATS',
  description: `
Gives others a key with which they can read the events of a durable consumer of their own, and
nothing else; shows who has one, and takes it away.
`,
  commands: [addSubscriber, listSubscribers, dropSubscriber, followEvents],
}
