import { once } from 'node:events'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { BenchError, type BenchErrorCode } from './errors.ts'
import type { BenchProgram } from './programs.ts'
import { SkepSubject } from './skep-subject.ts'
import type { Outcome, RingName, Subject, Way } from './subject.ts'

/** What a thread is made for. */
interface Task {
  readonly program: BenchProgram
  readonly engine: string
}

type Question =
  | { readonly ask: 'outcome'; readonly way: 'call' | 'batch' }
  | { readonly ask: 'time'; readonly way: Way; readonly runs: number }
  | { readonly ask: 'ringVerdicts'; readonly ring: RingName }

type Answer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: BenchErrorCode; readonly message: string }

/**
 * A program in a thread of its own. V8 compiles the host's JavaScript by what it has seen run, thread by thread; with one
 * program in each, none slows another down. The threads take turns: while one runs, the others wait.
 */
export class RemoteSubject implements Subject {
  readonly #worker: Worker

  private constructor(worker: Worker) {
    this.#worker = worker
  }

  /** `file` is the module that calls `serve`. */
  static async create(file: string, program: BenchProgram, engine: string): Promise<RemoteSubject> {
    const task: Task = { program, engine }
    const subject = new RemoteSubject(new Worker(file, { workerData: task, execArgv: process.execArgv }))
    await subject.#answer()
    return subject
  }

  outcome(way: 'call' | 'batch'): Promise<Outcome> {
    return this.#ask({ ask: 'outcome', way }) as Promise<Outcome>
  }

  time(way: Way, runs: number): Promise<number> {
    return this.#ask({ ask: 'time', way, runs }) as Promise<number>
  }

  ringVerdicts(ring: RingName): Promise<readonly number[]> {
    return this.#ask({ ask: 'ringVerdicts', ring }) as Promise<readonly number[]>
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  #ask(question: Question): Promise<unknown> {
    this.#worker.postMessage(question)
    return this.#answer()
  }

  async #answer(): Promise<unknown> {
    const gone = new AbortController()
    const ended = once(this.#worker, 'exit', { signal: gone.signal }).then(([status]) => {
      throw new BenchError('WORKER', `a thread ended with status ${status} before it had answered`)
    })
    // Both reject with what the worker threw, through its `error` event.
    const [answer] = (await Promise.race([once(this.#worker, 'message'), ended])) as [Answer]
    ended.catch(() => {})
    gone.abort()
    if (answer.ok) return answer.value
    throw new BenchError(answer.code, answer.message)
  }
}

/** The other end: in a thread of `RemoteSubject`, answers its questions until it is ended. */
export async function serve(): Promise<void> {
  const port = parentPort!
  const { program, engine } = workerData as Task
  const say = (answer: Answer): void => port.postMessage(answer)
  const refuse = (error: unknown): void => {
    const code = error instanceof BenchError ? error.code : 'REFUSED'
    say({ ok: false, code, message: `${program.id}, ${engine}: ${(error as Error).message}` })
  }
  try {
    const subject = await SkepSubject.create(program, engine)
    port.on('message', (question: Question) => {
      answerTo(subject, question).then((value) => say({ ok: true, value }), refuse)
    })
    say({ ok: true, value: undefined })
  } catch (error) {
    refuse(error)
  }
}

function answerTo(subject: Subject, question: Question): Promise<unknown> {
  if (question.ask === 'time') return subject.time(question.way, question.runs)
  if (question.ask === 'outcome') return subject.outcome(question.way)
  return subject.ringVerdicts(question.ring)
}
