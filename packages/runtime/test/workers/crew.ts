import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import type { Runtime, SharedCollection, SharedRuntime } from '../../src/index.ts'

/** What a worker of the tests is asked (test/workers/worker.ts). */
export type Order =
  /** Runs a program over contexts in the arena, `rounds` times; the errors that ended runs, if any. */
  | {
      readonly order: 'batch'
      readonly program: string
      readonly contexts: number
      readonly count: number
      readonly results: number
      readonly rounds: number
    }
  /** `testRun` with this packet, `rounds` times; the last retval. */
  | {
      readonly order: 'test-run'
      readonly program: string
      readonly packet: Uint8Array
      readonly rounds: number
    }
  | { readonly order: 'open'; readonly collection: SharedCollection }
  | { readonly order: 'update'; readonly map: string; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly order: 'lookup'; readonly map: string; readonly key: Uint8Array }
  /** Takes a lock and never gives it back. */
  | { readonly order: 'hold'; readonly word: number }
  /** Counts the verdicts of what the queue brings until it ends. */
  | { readonly order: 'receive'; readonly program: string }
  | { readonly order: 'close' }

let bundle: Promise<string> | undefined

/** The worker's script with everything that it imports: Node runs no TypeScript of packages. */
function script(): Promise<string> {
  bundle ??= (async () => {
    const directory = mkdtempSync(join(tmpdir(), 'skep-workers-'))
    process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
    const file = join(directory, 'worker.mjs')
    await build({
      entryPoints: [fileURLToPath(new URL('worker.ts', import.meta.url))],
      outfile: file,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      conditions: ['source'],
      logLevel: 'error',
    })
    return file
  })()
  return bundle
}

/** One worker of a runtime. */
export class Mate {
  readonly handle: SharedRuntime
  readonly #worker: Worker

  private constructor(handle: SharedRuntime, worker: Worker) {
    this.handle = handle
    this.#worker = worker
  }

  static async join(runtime: Runtime, options: { readonly plugin?: string } = {}): Promise<Mate> {
    return Mate.with(runtime.share(), options)
  }

  /** Throws what joinRuntime throws there. */
  static async with(handle: SharedRuntime, options: { readonly plugin?: string } = {}): Promise<Mate> {
    const worker = new Worker(await script(), { workerData: { handle, ...options } })
    const mate = new Mate(handle, worker)
    await mate.#answer()
    return mate
  }

  ask<T = unknown>(order: Order): Promise<T> {
    this.#worker.postMessage(order)
    return this.#answer() as Promise<T>
  }

  /** Without waiting for an answer. */
  tell(order: Order): void {
    this.#worker.postMessage(order)
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate()
  }

  #answer(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const done = (message: { value?: unknown; error?: { code: string; message: string } }): void => {
        this.#worker.off('error', reject)
        if (message.error) reject(Object.assign(new Error(message.error.message), message.error))
        else resolve(message.value)
      }
      this.#worker.once('message', done)
      this.#worker.once('error', reject)
    })
  }
}
