import { type ArenaOptions, createArena } from '@skep/memory'
import { type Cpu, control, type ProgramFacts } from '@skep/registry'

// What tests of engines run programs on; those of the other packages take it from here too.

/** A CPU with a control block, a stack and a table of its own. */
export function createTestCpu(options: ArenaOptions = {}): Cpu {
  const arena = createArena({ limit: 8 << 20, ...options })
  const block = arena.alloc(control.CTL_SIZE, 64)
  const stack = arena.alloc(control.STACK_SIZE, 64)
  const table = new WebAssembly.Table({ element: 'anyfunc', initial: 64 })
  const free: number[] = []
  let next = 1
  arena.view.setUint32(block + control.CTL_SP, stack + control.STACK_SIZE, true)
  arena.view.setUint32(block + control.CTL_STACK_END, stack, true)
  return {
    arena,
    table,
    control: block,
    index: 0,
    addFunction: (fn) => {
      const slot = free.pop() ?? next++
      if (slot >= table.length) table.grow(64)
      table.set(slot, fn as never)
      return slot
    },
    removeFunction: (slot) => {
      table.set(slot, null)
      free.push(slot)
    },
  }
}

/** Facts as weak as a verifier's can be: every one of so many slots is reached, and nothing else is known. */
export function weakFacts(count: number, subprograms: readonly number[] = [0]): ProgramFacts {
  return {
    reachable: new Uint8Array(count).fill(1),
    access: new Uint8Array(count),
    callMap: new Int32Array(count).fill(-1),
    callback: new Int32Array(count).fill(-1),
    flags: new Uint8Array(count),
    subprograms,
    stackDepth: subprograms.map(() => control.MAX_BPF_STACK),
  }
}

/** Assembly text with the numbers that its names stand for. */
export function withSymbols(text: string, symbols: Readonly<Record<string, number | bigint>> = {}): string {
  return Object.entries(symbols).reduce((all, [name, value]) => all.replaceAll(name, `${value}`), text)
}
