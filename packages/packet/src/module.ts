import { moduleBytes } from './generated/module.ts'

/** What assembly/index.ts exports; `pump` is the address of a state of layout.ts. */
export interface PumpExports {
  add(
    pump: number,
    data: number,
    length: number,
    originalLength: number,
    seconds: number,
    nanos: number,
  ): void
  /** Both answer one of `STOP_*`. */
  scanPcap(pump: number): number
  scanPcapng(pump: number): number
  settle(pump: number): number
  keep(pump: number): void
}

const compiled = new Map<boolean, WebAssembly.Module>()

/** The loops of a CapturePump over a memory. */
export function instantiatePump(memory: WebAssembly.Memory, shared: boolean): PumpExports {
  let module = compiled.get(shared)
  if (!module) {
    module = new WebAssembly.Module(moduleBytes(shared))
    compiled.set(shared, module)
  }
  const table = new WebAssembly.Table({ initial: 1, element: 'anyfunc' })
  return new WebAssembly.Instance(module, { env: { memory, table } }).exports as unknown as PumpExports
}
