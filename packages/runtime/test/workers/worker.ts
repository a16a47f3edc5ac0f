import { parentPort, workerData } from 'node:worker_threads'
import { joinRuntime, type SharedRuntime } from '../../src/worker.ts'
import type { Order } from './crew.ts'
import { plugins } from './plugins.ts'

const port = parentPort!
const { handle, plugin } = workerData as { readonly handle: SharedRuntime; readonly plugin?: string }

const fail = (error: unknown): void => {
  const { code, message, name } = error as Error & { code?: string }
  port.postMessage({ error: { code: code ?? name, message } })
}

try {
  const runtime = await joinRuntime(handle, { plugins: plugin === undefined ? [] : [plugins[plugin]!] })
  const faults: string[] = []
  runtime.on('exception', (fault) => faults.push((fault as { code?: string }).code ?? fault.message))

  const follow = async (order: Order): Promise<unknown> => {
    switch (order.order) {
      case 'batch': {
        const program = runtime.program(order.program)
        for (let n = 0; n < order.rounds; n++) program.runBatch(order.contexts, order.count, order.results)
        return faults.splice(0)
      }
      case 'test-run': {
        const program = runtime.program(order.program)
        const { retval } = program.testRun({ data: order.packet, repeat: order.rounds })
        return retval
      }
      case 'open':
        await runtime.open(order.collection)
        return undefined
      case 'update':
        runtime.map(order.map).update(order.key, order.value)
        return undefined
      case 'lookup':
        return runtime.map(order.map).lookup(order.key)
      case 'hold':
        // What assembly code does that takes a lock.
        Atomics.store(runtime.arena.i32, order.word >> 2, handle.tag)
        return undefined
      case 'receive': {
        const verdicts: Record<number, number> = {}
        for await (const batch of runtime.receive()) {
          runtime.program(order.program).runBatch(batch.contexts, batch.count, batch.results)
          for (let n = 0; n < batch.count; n++) {
            const verdict = batch.verdict(n)
            verdicts[verdict] = (verdicts[verdict] ?? 0) + 1
          }
        }
        return verdicts
      }
      case 'close':
        runtime.close()
        return undefined
    }
  }
  port.on('message', (order: Order) => {
    follow(order).then((value) => port.postMessage({ value }), fail)
  })
  port.postMessage({ value: runtime.cpu })
} catch (error) {
  fail(error)
}
