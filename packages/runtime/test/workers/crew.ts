import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
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

const made: string[] = []

/** A directory that goes with the process. */
export function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'skep-workers-'))
  if (made.push(directory) === 1) {
    process.once('exit', () => {
      for (const path of made) rmSync(path, { recursive: true, force: true })
    })
  }
  return directory
}

/** Scripts with everything that they import: Node runs no TypeScript of packages. `files` are paths; they end in .js. */
export async function bundle(files: readonly string[], directory: string): Promise<void> {
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }')
  await build({
    entryPoints: [...files],
    outdir: directory,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['source'],
    // As an application has them.
    nodePaths: [fileURLToPath(new URL('../../../../apps/cli/node_modules', import.meta.url))],
    logLevel: 'error',
  })
}

let bundled: Promise<string> | undefined

function script(): Promise<string> {
  bundled ??= (async () => {
    const directory = temporary()
    await bundle([fileURLToPath(new URL('worker.ts', import.meta.url))], directory)
    return join(directory, 'worker.js')
  })()
  return bundled
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
