import { eventsApi, type Permissions } from './permissions.ts'
import { DECIDED } from './streams.ts'

/** What a subscriber is called: a token of subjects, a file, the name of a consumer. */
const SUBSCRIBER_NAME = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/

export function isSubscriberName(text: string): boolean {
  return SUBSCRIBER_NAME.test(text)
}

/** What a subscriber of its own name may do: read its own consumer, alone in an account. */
export function subscriberPermissions(name: string): Permissions {
  return {
    publish: [
      ...['INFO', 'MSG.NEXT'].map(
        (question) => `${eventsApi('subscriber')}.CONSUMER.${question}.${DECIDED.name}.${name}`,
      ),
      `$JS.ACK.${DECIDED.name}.${name}.>`,
    ],
    // Nobody else is in its account, so it needs no inbox that others may not hear.
    subscribe: ['_INBOX.>'],
  }
}
