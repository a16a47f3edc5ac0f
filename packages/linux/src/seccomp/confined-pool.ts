import { type ChildProcess, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { isAbsolute } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ClassicInsn } from '@skep/isa'
import { KernelArgumentError } from '../errors.ts'
import { FLAG_LOG, FLAG_TSYNC, filterBytes } from './confine.ts'
import { loadLibc } from './libc.ts'
import { ConfinedPoolError } from './pool-error.ts'
import { failureOf, POOL_PROCESS, type PoolAnswer, type PoolOrder, type PoolRequest } from './pool-process.ts'

/**
 * System calls that a process of a pool makes by itself, however little its tasks do: it takes messages, gives memory back,
 * starts and ends threads. A policy that refuses by default has to allow these; others that it comes to are the tasks' own.
 */
export const poolSyscalls: readonly string[] = Object.freeze(
  (
    'read write writev readv recvmsg sendmsg recvfrom sendto close shutdown epoll_wait epoll_pwait epoll_ctl futex ' +
    'mmap munmap mprotect madvise mremap brk membarrier sched_yield rt_sigprocmask rt_sigaction rt_sigreturn sigaltstack ' +
    'clock_gettime clock_nanosleep gettid getpid getrandom restart_syscall exit exit_group tgkill'
  ).split(' '),
)

export interface ConfinedPoolOptions {
  /** The filter: of `compilePolicy`, say. What a process of a pool itself needs is in `poolSyscalls`. */
  readonly filter: readonly ClassicInsn[]
  /** The module whose exported functions are the tasks: a URL, or an absolute path. */
  readonly module: URL | string
  /** How many processes. Default: as many as there are CPUs. */
  readonly size?: number
  /**
   * When a process is confined: `loaded`, when it has the module (the default), so that the filter has to allow only what tasks
   * do; or `start`, before the module, which is not trusted either.
   */
  readonly confine?: 'loaded' | 'start'
  /** How long a task may take, in milliseconds. Its process is then killed. Default: as long as it likes. */
  readonly timeout?: number
  /** V8's heap of each process, in MiB. Default: Node's own. */
  readonly memory?: number
  /** After so many tasks a process makes room for a new one. Default: never. */
  readonly tasksPerProcess?: number
  /** How many tasks may wait. Default: any number. */
  readonly queue?: number
  /** The processes' whole environment. Default: empty. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Where standard output and error go. Default: `ignore`. */
  readonly stdio?: 'ignore' | 'inherit'
  /** Actions but `allow` go to the kernel's log. */
  readonly log?: boolean
}

export interface ConfinedPoolStats {
  /** Tasks that gave a result or threw. */
  done: number
  /** Processes that were started. */
  started: number
  /** Of those, ended by a signal that was not the pool's: SIGSYS of the filter, say. */
  killed: number
  /** Of those, killed because a task took too long. */
  timedOut: number
}

/** Functions that a module exports, by name. */
export type PoolTasks = Readonly<Record<string, (...args: never[]) => unknown>>

/** Of a module's exports, those that are tasks. */
type TaskName<T> = {
  [K in keyof T & string]: T[K] extends (...args: never[]) => unknown ? K : never
}[keyof T & string]
type TaskArgs<F> = F extends (...args: infer A) => unknown ? A : never
type TaskResult<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never

interface Job extends PoolRequest {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** A process that never began is not started over and over. */
const MOST_FAILURES = 3

/** One process, and the task that it is at. */
class Member {
  readonly child: ChildProcess
  job: Job | undefined
  tasks = 0
  timer: NodeJS.Timeout | undefined
  began = false
  /** Why the pool ended it. */
  ended: 'timeout' | 'closed' | 'replaced' | undefined

  constructor(child: ChildProcess) {
    this.child = child
  }
}

/**
 * Processes that run the functions of a module under a filter. Processes, and not worker threads: a filter is a thread's, but
 * threads of one process have their memory, their descriptors and Node's thread pool in common, so that a confined worker could
 * have others do what it may not, and a call that kills would end the host.
 */
export class ConfinedPool<T = PoolTasks> {
  readonly stats: ConfinedPoolStats = { done: 0, started: 0, killed: 0, timedOut: 0 }
  readonly #options: ConfinedPoolOptions
  readonly #args: readonly string[]
  readonly #size: number
  readonly #members = new Set<Member>()
  readonly #waiting: Job[] = []
  #nextId = 1
  #failures = 0
  #closed = false

  /** @internal */
  constructor(options: ConfinedPoolOptions, args: readonly string[]) {
    this.#options = options
    this.#args = args
    this.#size = options.size ?? availableParallelism()
  }

  /** How many processes are at a task. */
  get busy(): number {
    return [...this.#members].filter(({ job }) => job !== undefined).length
  }

  /** How many tasks wait for a process. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Process numbers, of those that are there now. */
  get pids(): readonly number[] {
    return [...this.#members].flatMap(({ child }) => (child.pid === undefined ? [] : [child.pid]))
  }

  /**
   * Runs a task in the next process that is free. Arguments and results are copied, as structured clones. What the task throws
   * comes back as an Error with its name, message, code and stack.
   *
   * @throws ConfinedPoolError
   */
  run<K extends TaskName<T>>(task: K, ...args: TaskArgs<T[K]>): Promise<TaskResult<T[K]>> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(closedError(task))
      const { queue = Number.POSITIVE_INFINITY } = this.#options
      const free = this.#size - this.busy
      if (this.#waiting.length >= free + queue) {
        const fact = `${this.#waiting.length} tasks wait already, and the queue takes ${queue}; wait for some, or raise queue`
        return reject(new ConfinedPoolError('QUEUE_FULL', fact, { task }))
      }
      const job = { id: this.#nextId++, task, args, resolve: resolve as (value: unknown) => void, reject }
      this.#waiting.push(job)
      this.#dispatch()
    })
  }

  /** Ends all processes. Tasks that are under way or wait fail with CLOSED. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const job of this.#waiting.splice(0)) job.reject(closedError(job.task))
    for (const member of this.#members) this.#end(member, 'closed')
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** Starts all processes, and waits until they are ready. */
  async ready(): Promise<void> {
    while (!this.#closed && this.#members.size < this.#size) this.#start()
    await Promise.all([...this.#members].map((member) => began(member)))
  }

  #dispatch(): void {
    if (this.#closed) return
    for (const member of this.#members) {
      if (this.#waiting.length === 0) return
      if (member.began && member.job === undefined && member.ended === undefined) this.#give(member)
    }
    const starting = [...this.#members].filter((one) => !one.began).length
    for (let n = starting; n < this.#waiting.length && this.#members.size < this.#size; n++) this.#start()
  }

  #give(member: Member): void {
    const job = this.#waiting.shift()!
    const { id, task, args } = job
    member.job = job
    const { timeout } = this.#options
    if (timeout !== undefined) member.timer = setTimeout(() => this.#end(member, 'timeout'), timeout)
    member.child.ref()
    member.child.channel?.ref()
    try {
      member.child.send({ id, task, args })
    } catch (error) {
      // Arguments that cannot be cloned.
      this.#settle(member, () => job.reject(error))
    }
  }

  #start(): void {
    const { memory, env = {}, cwd, stdio = 'ignore' } = this.#options
    const heap = memory === undefined ? [] : [`--max-old-space-size=${memory}`]
    const child = spawn(process.execPath, [...heap, '-e', POOL_PROCESS, ...this.#args], {
      env,
      ...(cwd === undefined ? {} : { cwd }),
      stdio: ['ignore', stdio, stdio, 'ipc'],
      serialization: 'advanced',
    })
    const member = new Member(child)
    this.#members.add(member)
    this.stats.started++
    child.on('message', (answer) => this.#receive(member, answer as PoolAnswer))
    child.once('error', (error) => this.#lost(member, error))
    child.once('exit', (code, signal) => this.#lost(member, undefined, code, signal))
  }

  #receive(member: Member, answer: PoolAnswer): void {
    if (answer.id === 0) {
      if (answer.refused) {
        const cause = failureOf(answer.error ?? {})
        const fact = `${answer.refused === 'BAD_MODULE' ? 'the module does not load' : 'the filter is not taken'}: ${String((cause as Error)?.message)}`
        this.#fail(new ConfinedPoolError(answer.refused, fact, { cause }))
        return
      }
      member.began = true
      this.#failures = 0
      if (member.job === undefined) this.#rest(member)
      member.child.emit('began')
      this.#dispatch()
      return
    }
    const { job } = member
    // A confined process says what it likes: of another task than its own it has nothing to say.
    if (job === undefined || job.id !== answer.id) return
    this.#settle(member, () => {
      const { task } = job
      if (answer.refused) {
        job.reject(new ConfinedPoolError('BAD_TASK', `the module exports no function ${task}`, { task }))
        return
      }
      this.stats.done++
      if (answer.error !== undefined) job.reject(failureOf(answer.error))
      else job.resolve(answer.value)
    })
  }

  /** A process is free again, or has done enough. */
  #settle(member: Member, tell: () => void): void {
    clearTimeout(member.timer)
    member.job = undefined
    member.tasks++
    tell()
    if (
      member.ended === undefined &&
      member.tasks >= (this.#options.tasksPerProcess ?? Number.POSITIVE_INFINITY)
    )
      this.#end(member, 'replaced')
    else this.#rest(member)
    this.#dispatch()
  }

  /** A process that waits for tasks keeps nobody from ending. */
  #rest({ child }: Member): void {
    child.unref()
    child.channel?.unref()
  }

  #end(member: Member, why: NonNullable<Member['ended']>): void {
    member.ended ??= why
    member.child.kill('SIGKILL')
  }

  #lost(member: Member, error?: Error, code?: number | null, signal?: NodeJS.Signals | null): void {
    if (!this.#members.delete(member)) return
    clearTimeout(member.timer)
    const { job, ended } = member
    const byUs = ended !== undefined
    if (signal && !byUs) this.stats.killed++
    if (ended === 'timeout') this.stats.timedOut++
    if (!member.began && !byUs && ++this.#failures >= MOST_FAILURES)
      this.#fail(this.#why(member, error, code, signal))
    job?.reject(this.#why(member, error, code, signal))
    member.child.emit('began')
    this.#dispatch()
  }

  #why(
    member: Member,
    error?: Error,
    code?: number | null,
    signal?: NodeJS.Signals | null,
  ): ConfinedPoolError {
    const { job, ended, began: has } = member
    const about = { task: job?.task }
    const where = job ? `task ${job.task}` : has ? 'a process that waited' : 'a process that began'
    if (ended === 'closed') return closedError(job?.task)
    if (ended === 'timeout')
      return new ConfinedPoolError('TIMEOUT', `${where} took more than ${this.#options.timeout} ms`, about)
    if (error)
      return new ConfinedPoolError('EXITED', `${where}: ${error.message}`, { ...about, cause: error })
    if (!signal) return new ConfinedPoolError('EXITED', `${where} ended its process, status ${code}`, about)
    const why = signal === 'SIGSYS' ? 'made a system call that the filter kills for' : 'was killed'
    return new ConfinedPoolError('KILLED', `${where} ${why} (${signal})`, { ...about, signal })
  }

  /** No process comes to begin: nobody's task will be done. */
  #fail(error: ConfinedPoolError): void {
    for (const job of this.#waiting.splice(0)) job.reject(error)
    this.#failures = 0
  }
}

const closedError = (task: string | undefined): ConfinedPoolError =>
  new ConfinedPoolError('CLOSED', 'the pool is closed', { task })

/** Until a process has begun, or is gone. */
const began = (member: Member): Promise<void> =>
  member.began ? Promise.resolve() : new Promise((resolve) => member.child.once('began', () => resolve()))

function positive(name: string, value: number | undefined): void {
  if (value !== undefined && !(Number.isInteger(value) && value > 0))
    throw new KernelArgumentError(name, `${value} is no integer from 1 on`)
}

/**
 * Makes a pool of processes whose tasks are the functions that a module exports, each process under a filter:
 * `createConfinedPool<typeof import('./tasks.js')>({ filter, module: new URL('./tasks.js', import.meta.url) })`. Processes are
 * started when there are tasks for them, and again when they are gone.
 *
 * @throws KernelArgumentError for options that are none; SeccompUnavailableError
 */
export async function createConfinedPool<T = PoolTasks>(
  options: ConfinedPoolOptions,
): Promise<ConfinedPool<T>> {
  const insns = filterBytes(options.filter)
  for (const name of ['size', 'timeout', 'memory', 'tasksPerProcess'] as const) positive(name, options[name])
  const { confine = 'loaded', queue } = options
  if (confine !== 'loaded' && confine !== 'start')
    throw new KernelArgumentError('confine', `${String(confine)} is neither 'loaded' nor 'start'`)
  if (queue !== undefined && !(queue >= 0))
    throw new KernelArgumentError('queue', `${queue} is no number from 0 on`)
  const order: PoolOrder = {
    module: moduleUrl(options.module),
    filter: Buffer.from(insns).toString('hex'),
    nr: (await loadLibc()).seccomp,
    flags: FLAG_TSYNC | (options.log ? FLAG_LOG : 0),
    first: confine === 'start',
  }
  const koffi = createRequire(import.meta.url).resolve('koffi')
  return new ConfinedPool<T>(options, [koffi, JSON.stringify(order)])
}

function moduleUrl(module: URL | string): string {
  if (module instanceof URL) return module.href
  if (typeof module === 'string' && isAbsolute(module)) return pathToFileURL(module).href
  throw new KernelArgumentError(
    'module',
    'give a URL, new URL("./tasks.js", import.meta.url) say, or an absolute path',
  )
}
