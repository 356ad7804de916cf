import { readFile } from 'node:fs/promises'
import { createFileRegistry, type FileRegistry, fromBinary, toJson } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { messageOf } from '@verdict/contract'
import type { GrpcMessages } from '../body/grpc-body.ts'
import { parseJson } from '../body/json-text.ts'
import { AuthzError, AuthzErrorCode } from '../errors.ts'

/** The services of a FileDescriptorSet, as `protoc --descriptor_set_out` or `buf build` makes it. */
export class ProtoDescriptor implements GrpcMessages {
  readonly #registry: FileRegistry

  /** @throws {AuthzError} `descriptor_invalid` */
  constructor(descriptorSet: Uint8Array) {
    try {
      this.#registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet))
    } catch (cause) {
      throw invalid(`it is no complete FileDescriptorSet: ${messageOf(cause)}`, cause)
    }
  }

  /** @throws {AuthzError} `descriptor_invalid` */
  static async open(file: string): Promise<ProtoDescriptor> {
    let bytes: Uint8Array
    try {
      bytes = await readFile(file)
    } catch (cause) {
      throw invalid(messageOf(cause), cause)
    }
    return new ProtoDescriptor(bytes)
  }

  read(service: string, method: string, message: Uint8Array): unknown {
    const found = this.#registry.getService(service)?.methods.find(({ name }) => name === method)
    if (found === undefined) return undefined
    const streams = found.methodKind === 'client_streaming' || found.methodKind === 'bidi_streaming'
    if (streams) return undefined
    let text: string
    try {
      const json = toJson(found.input, fromBinary(found.input, message), {
        registry: this.#registry,
      })
      text = JSON.stringify(json)
    } catch (cause) {
      const why = `proto: the message is no ${found.input.typeName}: ${messageOf(cause)}`
      throw new AuthzError(AuthzErrorCode.requestUnreadable, why, { cause })
    }
    // By the same bounds as every other body.
    return parseJson(text)
  }
}

function invalid(why: string, cause: unknown): AuthzError {
  const message = `the proto descriptor can't be used: ${why}`
  return new AuthzError(AuthzErrorCode.descriptorInvalid, message, { cause })
}
