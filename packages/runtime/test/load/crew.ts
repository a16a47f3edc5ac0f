import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import {
  type Collection,
  createRuntime,
  parseElf,
  type Runtime,
  type SharedRuntime,
} from '../../src/index.ts'
import type { Done, Work } from './mix.ts'
import type { Task } from './worker.ts'

/** What a worker tells in the end. */
export interface Told extends Done {
  readonly torn: number
  /** Faults of programs by their code. */
  readonly faults: Readonly<Record<string, number>>
}

/** A worker that works until it is told to stop, or is ended. */
export class Hand {
  readonly handle: SharedRuntime
  readonly #worker: Worker
  readonly #stop = new Int32Array(new SharedArrayBuffer(4))
  readonly #failed: Promise<never>

  constructor(runtime: Runtime, seed: number, kind?: Work) {
    this.handle = runtime.share()
    const task: Task = { handle: this.handle, seed, stop: this.#stop, ...(kind ? { kind } : {}) }
    this.#worker = new Worker(new URL('worker.js', import.meta.url), { workerData: task })
    this.#failed = new Promise((_, reject) => this.#worker.once('error', reject))
    this.#failed.catch(() => {})
  }

  #message(): Promise<unknown> {
    return Promise.race([new Promise((resolve) => this.#worker.once('message', resolve)), this.#failed])
  }

  /** It has joined. */
  async ready(): Promise<this> {
    await this.#message()
    return this
  }

  start(): void {
    this.#worker.postMessage('go')
  }

  async stop(): Promise<Told> {
    const told = this.#message() as Promise<Told>
    Atomics.store(this.#stop, 0, 1)
    return await told
  }

  /** In the middle of what it does. */
  async kill(): Promise<void> {
    await this.#worker.terminate()
  }
}

const object = fileURLToPath(new URL('load.o', import.meta.url))

export async function begin(seed: number): Promise<{ runtime: Runtime; collection: Collection }> {
  const runtime = await createRuntime({ workers: 2, seed: BigInt(seed), limit: 32 << 20 })
  return { runtime, collection: await runtime.load(parseElf(readFileSync(object))) }
}

/** Lets what waits in this thread happen. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
