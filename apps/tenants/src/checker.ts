import { Worker } from 'node:worker_threads'
import { type CheckAnswer, type CheckedObject, RefusedError } from './checked-program.ts'

export interface CheckerOptions {
  /** The script of its thread. */
  readonly script: URL
  /** Instructions that the verifier walks of a program at most. Default 200,000. */
  readonly complexity?: number
  /** Milliseconds that one upload may take to check. Default 5,000. */
  readonly deadline?: number
}

interface Job {
  readonly object: Uint8Array
  readonly resolve: (checked: CheckedObject) => void
  readonly reject: (error: Error) => void
}

/** Checks uploads one after the other, in a thread that is ended and begun anew when one takes too long or too much memory. */
export class Checker {
  readonly #options: CheckerOptions
  readonly #waiting: Job[] = []
  #worker: Worker | undefined
  #running: Job | undefined
  #timer: NodeJS.Timeout | undefined
  #count = 0

  constructor(options: CheckerOptions) {
    this.#options = options
  }

  /** Throws RefusedError, whose message is for the tenant. */
  check(object: Uint8Array): Promise<CheckedObject> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ object, resolve, reject })
      this.#next()
    })
  }

  async close(): Promise<void> {
    const worker = this.#end('CLOSED', 'the server is closing')
    for (const { reject } of this.#waiting.splice(0))
      reject(new RefusedError({ code: 'CLOSED', text: 'the server is closing' }))
    await worker?.terminate()
  }

  #next(): void {
    if (this.#running) return
    const job = this.#waiting.shift()
    if (!job) return
    this.#running = job
    this.#worker ??= this.#start()
    const { deadline = 5000 } = this.#options
    this.#timer = setTimeout(() => {
      void this.#end('TOO_LONG', `checking it took more than ${deadline} ms; make it simpler`)?.terminate()
      this.#next()
    }, deadline)
    this.#worker.postMessage({ id: ++this.#count, object: job.object })
  }

  #start(): Worker {
    const { script, complexity = 200_000 } = this.#options
    const worker = new Worker(script, {
      workerData: { complexity },
      resourceLimits: { maxOldGenerationSizeMb: 256 },
    })
    worker.on('message', (answer: CheckAnswer) => {
      if (answer.id !== this.#count) return
      const job = this.#finish()
      if ('checked' in answer) job?.resolve(answer.checked)
      else job?.reject(new RefusedError(answer.refusal))
      this.#next()
    })
    worker.on('error', (error) => {
      if (this.#worker !== worker) return
      this.#end('FAILED', `checking it failed: ${error.message}`)
      this.#next()
    })
    worker.unref()
    return worker
  }

  #finish(): Job | undefined {
    clearTimeout(this.#timer)
    const job = this.#running
    this.#running = undefined
    return job
  }

  /** The thread is given up, and what it was checking refused. */
  #end(code: string, text: string): Worker | undefined {
    const worker = this.#worker
    this.#worker = undefined
    this.#finish()?.reject(new RefusedError({ code, text }))
    return worker
  }
}
