import { Worker } from 'node:worker_threads'
import { memoryModule } from '@skep/memory'
import { control } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { Bench, bareContext } from '../test/harness.ts'
import { moduleBytes } from './generated/module.ts'
import * as layout from './layout/structures.ts'

/** An interpreter of its own over the same memory: waits for the others, runs, answers r0. */
const source = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { memory, allocator, interpreter, block, area, code, context, ready, workers } = workerData
  const table = new WebAssembly.Table({ element: 'anyfunc', initial: 64 })
  const { exports } = new WebAssembly.Instance(allocator, { env: { memory, table } })
  const control = new WebAssembly.Global({ value: 'i32', mutable: false }, block)
  const env = { memory, table, control }
  const vm = new WebAssembly.Instance(interpreter, { env, memory: exports }).exports
  vm.init(area)
  const flag = new Int32Array(memory.buffer, ready, 1)
  Atomics.add(flag, 0, 1)
  while (Atomics.load(flag, 0) < workers) {}
  parentPort.postMessage(vm.run(code, context))
`

describe('threads over shared memory', () => {
  it('lose no atomic update', async () => {
    const bench = await Bench.create({ shared: true })
    const { arena } = bench
    const rounds = 100_000
    const program = await bench.load(
      `r2 = ${rounds}
      l:
      r3 = 1
      lock *(u64 *)(r1 + 0) += r3
      r3 = 1
      w3 = atomic_fetch_add((u32 *)(r1 + 8), w3)
      again:
      r0 = *(u64 *)(r1 + 16)
      r4 = r0
      r5 = r0
      r5 += 1
      r0 = cmpxchg_64(r1 + 16, r0, r5)
      if r0 != r4 goto again
      r3 = 1
      lock *(u64 *)(r1 + 24) ^= r3
      r2 += -1
      if r2 != 0 goto l
      r0 = 7
      exit`,
      { context: bareContext(32) },
    )
    const context = bench.place(32)
    const ready = bench.place(4)
    const workers = 2
    const allocator = new WebAssembly.Module(memoryModule.bytes(true))
    const interpreter = new WebAssembly.Module(moduleBytes(true))
    const run = (): Promise<number> => {
      const block = arena.alloc(control.CTL_SIZE, 64)
      const stack = arena.alloc(control.STACK_SIZE, 64)
      const area = arena.alloc(
        layout.ACT_SIZE * layout.MAX_ACTIVATIONS + layout.GRANT_SIZE * layout.MAX_GRANTS,
        64,
      )
      arena.view.setUint32(block + control.CTL_SP, stack + control.STACK_SIZE, true)
      arena.view.setUint32(block + control.CTL_STACK_END, stack, true)
      const workerData = {
        memory: arena.memory,
        allocator,
        interpreter,
        block,
        area,
        code: program.code,
        context,
        ready,
        workers,
      }
      return new Promise((resolve, reject) => {
        const thread = new Worker(source, { eval: true, workerData })
        thread.once('message', resolve)
        thread.once('error', reject)
      })
    }
    expect(await Promise.all(Array.from({ length: workers }, run))).toEqual([7, 7])
    const total = BigInt(workers * rounds)
    expect(bench.u64(context)).toBe(total)
    expect(arena.view.getUint32(context + 8, true)).toBe(Number(total))
    expect(bench.u64(context + 16)).toBe(total)
    expect(bench.u64(context + 24)).toBe(total % 2n)
  })
})
