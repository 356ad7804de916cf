/** The headers in our name: from a client they are a lie, and a policy's always replace them. */
const OWN_HEADER_PREFIX = 'x-verdict-'

/** The id of the decision's record. */
export const ID_HEADER = 'x-verdict-decision-id'
/** The policy's reason, or the code of a fault. */
export const REASON_HEADER = 'x-verdict-reason'

export function isOwnHeader(name: string): boolean {
  const long = name.length > OWN_HEADER_PREFIX.length
  return long && name.slice(0, OWN_HEADER_PREFIX.length).toLowerCase() === OWN_HEADER_PREFIX
}
