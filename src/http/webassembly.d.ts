// The part of the WebAssembly API that llhttp.ts uses: Node's own types leave it to the DOM library.

declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    readonly exports: Record<string, unknown>;
    constructor(module: Module, imports: Record<string, Record<string, (...args: number[]) => number>>);
  }
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
}
