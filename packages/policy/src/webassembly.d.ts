/** What we use of the WebAssembly JavaScript API: no library of types that we include has it. */
declare namespace WebAssembly {
  class Module {
    private constructor()
  }
  interface MemoryDescriptor {
    initial: number
    maximum?: number
  }
  class Memory {
    constructor(descriptor: MemoryDescriptor)
    readonly buffer: ArrayBuffer
    grow(pages: number): number
  }
  interface Global {
    value: number
  }
  class Instance {
    constructor(
      module: Module,
      imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
    )
    readonly exports: Readonly<Record<string, unknown>>
  }
  interface WebAssemblyInstantiatedSource {
    readonly instance: Instance
    readonly module: Module
  }
  class RuntimeError extends Error {}
  function compile(bytes: Uint8Array): Promise<Module>
}
