import { type Cpu, control } from '@skep/registry'
import type { ProgramExports } from './module.ts'

/** Most runs between two looks at the clock. */
const CONTEXTS = 256
/** Enough for any program: V8 counts executed code, about two megabytes of it a function. */
const MOST_RUNS = 2 ** 20
const PAGE = 65536
/** Bytes of the arena that are copied; behind them the copy is empty. */
const MOST_COPIED = 32 * 2 ** 20

/**
 * Runs a program's code over a copy of the arena until the host has counted enough to compile it with all that it can. Code
 * belongs to the module: what an instance without effects has made hot is hot for the one that works. What the program
 * imports is replaced by functions that do nothing and return 0. Does nothing where workers share the arena: a copy could
 * hold a lock that nobody gives back.
 */
export function warmupOver(
  cpu: Cpu,
  module: WebAssembly.Module,
  names: ProgramExports,
  ctx: number,
  milliseconds: number,
): void {
  const end = performance.now() + milliseconds
  const { u8, shared } = cpu.arena
  if (shared) return
  const pages = u8.length / PAGE
  const memory = new WebAssembly.Memory({ initial: pages + 1 })
  const copied = Math.min(u8.length, MOST_COPIED)
  new Uint8Array(memory.buffer).set(u8.subarray(0, copied))
  const call: Record<string, WebAssembly.ImportValue> = {}
  for (const { module: from, name } of WebAssembly.Module.imports(module))
    if (from === 'call') call[name] = nothing
  const { exports } = new WebAssembly.Instance(module, {
    env: {
      memory,
      table: new WebAssembly.Table({ element: 'anyfunc', initial: cpu.table.length }),
      control: new WebAssembly.Global({ value: 'i32' }, cpu.control),
    },
    call,
  })
  const run = exports[names.run] as (ctx: number) => number
  const batch = exports[names.batch] as (ctxs: number, count: number, results: number) => number
  // Behind all that the arena has, where no address of the program's leads.
  const ctxs = pages * PAGE
  new Uint32Array(memory.buffer, ctxs, CONTEXTS).fill(ctx)
  const stack = new Uint32Array(memory.buffer, cpu.control + control.CTL_SP, 1)
  const top = stack[0]!
  // Few runs at first: nobody knows yet how long one takes.
  let count = 1
  for (let runs = 0; runs < MOST_RUNS && performance.now() < end; runs += 2 * count) {
    count = Math.min(CONTEXTS, 2 * count)
    try {
      batch(ctxs, count, ctxs + CONTEXTS * 4)
      for (let i = 0; i < count; i++) run(ctx)
    } catch {
      // A tail call into an empty table, or an address that only the real helper knows: that ends one run.
      stack[0] = top
    }
  }
}

/** Text becomes a zero of every type that an import may return; a number would not become an i64, nor a BigInt an i32. */
const nothing = (): string => '0'
