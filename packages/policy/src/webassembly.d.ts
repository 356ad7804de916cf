/** What we use of the WebAssembly JavaScript API: no library of types that we include has it. */
declare namespace WebAssembly {
  class Module {
    private constructor()
  }
  interface Memory {
    readonly buffer: ArrayBuffer
    grow(pages: number): number
  }
  interface MemoryDescriptor {
    initial: number
    maximum?: number
  }
  interface Instance {
    readonly exports: Readonly<Record<string, unknown>>
  }
  interface WebAssemblyInstantiatedSource {
    readonly instance: Instance
    readonly module: Module
  }
  function compile(bytes: Uint8Array): Promise<Module>
}
