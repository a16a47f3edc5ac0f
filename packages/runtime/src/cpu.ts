import type { Arena } from '@skep/memory'
import { type Cpu, control } from '@skep/registry'

const INITIAL_SLOTS = 256

/** Code under run-time checks may touch what the arena gives out to programs: not this. */
export function hide(arena: Arena, address: number): void {
  arena.exports.setShape(address, 1)
}

/** An execution context; `release` gives its memory back. */
export interface OwnCpu extends Cpu {
  release(): void
}

/**
 * Makes the execution context number `index`: control block, stack area and function table. Slot 0 stays null. Functions
 * that are given no slot get free ones from `first` on.
 */
export function createCpu(arena: Arena, index: number, seed: bigint, first = 1): OwnCpu {
  const block = arena.alloc(control.CTL_SIZE, 64)
  const stack = arena.alloc(control.STACK_SIZE, 64)
  hide(arena, block)
  const table = new WebAssembly.Table({ element: 'anyfunc', initial: INITIAL_SLOTS })
  const free: number[] = []
  let next = first

  const view = arena.view
  view.setUint32(block + control.CTL_CPU, index, true)
  view.setUint32(block + control.CTL_SP, stack + control.STACK_SIZE, true)
  view.setUint32(block + control.CTL_STACK_END, stack, true)
  // xorshift128+ must not start from zero.
  view.setBigUint64(block + control.CTL_RANDOM, seed | 1n, true)
  view.setBigUint64(
    block + control.CTL_RANDOM + 8,
    (seed * 0x9e3779b97f4a7c15n) & 0xffff_ffff_ffff_ffffn,
    true,
  )

  return {
    arena,
    table,
    control: block,
    index,
    release() {
      arena.free(stack)
      arena.free(block)
    },
    addFunction(fn, given) {
      const slot = given ?? free.pop() ?? next++
      if (slot >= table.length) table.grow(Math.max(table.length, slot + 1 - table.length))
      table.set(slot, fn as never)
      return slot
    },
    removeFunction(slot) {
      table.set(slot, null)
      free.push(slot)
    },
  }
}
