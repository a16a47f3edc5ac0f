import { parentPort, workerData } from 'node:worker_threads'
import { joinRuntime, type SharedRuntime } from '../../src/worker.ts'
import { Mix, type Work } from './mix.ts'

/** A worker of main.ts: works until it is told to stop. */
export interface Task {
  readonly handle: SharedRuntime
  readonly seed: number
  /** The one kind of work; all when absent. */
  readonly kind?: Work
  /** One word: not 0 when the work is to end. */
  readonly stop: Int32Array
}

const { handle, seed, kind, stop } = workerData as Task
const runtime = await joinRuntime(handle)
const faults: Record<string, number> = {}
runtime.on('exception', (fault) => {
  const { code, message } = fault as { code?: string; message: string }
  faults[code ?? message] = (faults[code ?? message] ?? 0) + 1
})
const mix = new Mix(runtime, runtime.collections[0]!, seed)
parentPort!.postMessage('ready')
parentPort!.once('message', () => {
  while (Atomics.load(stop, 0) === 0) mix.burst(kind)
  parentPort!.postMessage({ ...mix.done, torn: mix.torn, faults })
})
