import {
  createRegistry,
  type DescExtension,
  type DescFile,
  type DescMessage,
  type DescService,
  toBinary,
} from '@bufbuild/protobuf'
import { nestedTypes } from '@bufbuild/protobuf/reflect'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'

/** The descriptors of services and of all that they are made of, as reflection is asked for them. */
export class Descriptors {
  /** In order of the alphabet. */
  readonly services: readonly string[]
  readonly #files = new Map<string, DescFile>()
  readonly #symbols = new Map<string, DescFile>()
  readonly #messages = new Set<string>()
  readonly #extensions: readonly DescExtension[]

  constructor(services: readonly DescService[]) {
    this.services = services.map(({ typeName }) => typeName).toSorted()
    for (const { file } of services) {
      for (const each of withDependencies(file)) this.#files.set(nameOf(each), each)
    }
    const files = [...this.#files.values()]
    for (const file of files) {
      for (const symbol of symbolsOf(file)) this.#symbols.set(symbol, file)
    }
    const registry = createRegistry(...files)
    for (const type of registry) if (type.kind === 'message') this.#messages.add(type.typeName)
    this.#extensions = [...registry].filter((type) => type.kind === 'extension')
  }

  /** The file and what it needs, itself first; undefined where there is no such file. */
  byName(name: string): Uint8Array[] | undefined {
    return encode(this.#files.get(name))
  }

  /** By the full name of a service, method, message, field, enumeration or value. */
  bySymbol(name: string): Uint8Array[] | undefined {
    return encode(this.#symbols.get(name))
  }

  byExtension(typeName: string, number: number): Uint8Array[] | undefined {
    const found = this.#extensionsOf(typeName).find((extension) => extension.number === number)
    return encode(found?.file)
  }

  /** Undefined where there is no such type. */
  extensionNumbers(typeName: string): number[] | undefined {
    if (!this.#messages.has(typeName)) return undefined
    return this.#extensionsOf(typeName).map(({ number }) => number)
  }

  #extensionsOf(typeName: string): DescExtension[] {
    return this.#extensions.filter(({ extendee }) => extendee.typeName === typeName)
  }
}

function encode(file: DescFile | undefined): Uint8Array[] | undefined {
  if (file === undefined) return undefined
  return withDependencies(file).map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto))
}

/** Each file before those that it imports. */
function withDependencies(file: DescFile): DescFile[] {
  const seen = new Set<DescFile>()
  const visit = (each: DescFile): DescFile[] => {
    if (seen.has(each)) return []
    seen.add(each)
    return [...each.dependencies.flatMap(visit), each]
  }
  return visit(file).toReversed()
}

function* symbolsOf(file: DescFile): Iterable<string> {
  const scope = file.proto.package === '' ? '' : `${file.proto.package}.`
  for (const type of nestedTypes(file)) {
    yield type.typeName
    if (type.kind === 'message') yield* membersOf(type)
    if (type.kind === 'service') {
      for (const method of type.methods) yield `${type.typeName}.${method.name}`
    }
    if (type.kind === 'enum') {
      // The values stand beside their enumeration, not within it.
      const around = type.parent === undefined ? scope : `${type.parent.typeName}.`
      for (const { name } of type.values) yield `${around}${name}`
    }
  }
}

function* membersOf({ typeName, fields, oneofs }: DescMessage): Iterable<string> {
  for (const { name } of [...fields, ...oneofs]) yield `${typeName}.${name}`
}

/** With its ending, by which imports name it. */
function nameOf({ proto }: DescFile): string {
  return proto.name
}
