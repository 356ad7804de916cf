import {
  type BundlePointer,
  PolicyError,
  PolicyErrorCode,
  refuseOlder,
  type SignedBundle,
  type VerificationKeys,
  verifyBundle,
  verifyDigest,
  verifyPointer,
} from '@verdict/policy'
import type { BundleState } from './bundle-store.ts'

/** A pointer, and the text that was signed. */
export interface SignedPointer {
  readonly text: string
  readonly pointer: BundlePointer
}

/** An archive that may become active. */
export interface Offer {
  readonly archive: Uint8Array
  /** What names it; absent where it came from a bundle server. */
  readonly signed?: SignedPointer
  /** What the server calls it. */
  readonly etag?: string
}

/** Who is asked for what is offered, and what was in force. */
export interface Judge {
  readonly name: string
  readonly keys: VerificationKeys
  readonly known: Pick<BundleState, 'serial' | 'version' | 'digest'> | undefined
}

/**
 * A pointer that is signed for this name and no older than what was in force.
 * @throws {PolicyError} `pointer_invalid`, `bundle_key_unknown`, `pointer_older`, `bundle_older`
 */
export async function judgePointer(text: string, judge: Judge): Promise<SignedPointer> {
  const pointer = await verifyPointer(text, judge.keys)
  if (pointer.name !== judge.name) {
    throw invalid(`it is for \`${pointer.name}\`, and offered for \`${judge.name}\``)
  }
  const { known } = judge
  refuseOlder(pointer, known)
  if (pointer.version === known?.version && pointer.digest !== known.digest) {
    throw new PolicyError(
      PolicyErrorCode.pointerOlder,
      `another pointer of version ${pointer.version} was in force: publish a newer one`,
    )
  }
  return { text, pointer }
}

/**
 * The bundle of an offer, where it is signed, whole, what its pointer says, and no older than what
 * was in force.
 * @throws {PolicyError}
 */
export async function judgeOffer(offer: Offer, judge: Judge): Promise<SignedBundle> {
  const { archive, signed } = offer
  const pointer = signed?.pointer
  if (pointer !== undefined) verifyDigest(archive, pointer.digest)
  const bundle = await verifyBundle(archive, judge.keys)
  if (pointer === undefined) refuseOlder(bundle, judge.known)
  else if (pointer.serial !== bundle.serial || pointer.revision !== bundle.revision) {
    throw invalid(
      `it says serial ${pointer.serial} and revision \`${pointer.revision}\`, ` +
        `the bundle ${bundle.serial} and \`${bundle.revision}\``,
    )
  } else refuseOlder(pointer, judge.known)
  return bundle
}

/** What is kept of a bundle that becomes active. */
export function noteOf({ signed, etag }: Offer, { digest, serial }: SignedBundle): BundleState {
  return {
    digest,
    serial,
    ...(signed && { version: signed.pointer.version, pointer: signed.text }),
    ...(etag === undefined ? undefined : { etag }),
  }
}

function invalid(why: string): PolicyError {
  const message = `the pointer is not one that holds here: ${why}; publish the bundle again`
  return new PolicyError(PolicyErrorCode.pointerInvalid, message)
}
