// Child processes that try mutants, each watched: one that does not answer in time is ended and its mutant counts as found.
import { fork } from 'node:child_process'
import { setPriority } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const worker = join(dirname(fileURLToPath(import.meta.url)), 'worker.mjs')

export function start(args, niceness) {
  const child = fork(worker, args, {
    execArgv: ['--max-old-space-size=700'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  setPriority(child.pid, niceness)
  return child
}

const mailboxes = new WeakMap()

/** The next message of a child, or undefined once it has ended or `ms` have passed. */
export function next(child, ms) {
  let box = mailboxes.get(child)
  if (!box) {
    box = { messages: [], wake: undefined, ended: false }
    mailboxes.set(child, box)
    child.on('message', (message) => {
      box.messages.push(message)
      box.wake?.()
    })
    child.on('exit', () => {
      box.ended = true
      box.wake?.()
    })
  }
  if (box.messages.length > 0) return Promise.resolve(box.messages.shift())
  if (box.ended) return Promise.resolve(undefined)
  return new Promise((resolve) => {
    const timer = setTimeout(() => box.wake(), ms)
    box.wake = () => {
      clearTimeout(timer)
      box.wake = undefined
      resolve(box.messages.shift())
    }
  })
}

/** Jobs that a process holds at once, so that it never waits for the next. */
const AHEAD = 6

/**
 * Gives each of `jobs` (`{ id, atLoad, endless }`) to one of `workers` processes; `hints(job)` are tests to try first.
 * `report` gets the job and its result.
 */
export async function runAll(jobs, { args, niceness, workers, budget, hints, tries, unit, only, report }) {
  const queue = [...jobs]
  const one = async () => {
    let child
    let given = []
    let loads = 0
    const stop = () => {
      // What it had not begun goes to the next.
      queue.unshift(...given)
      given = []
      loads = 0
      child?.kill('SIGKILL')
      child = undefined
    }
    while (queue.length > 0 || given.length > 0) {
      if (!child) {
        child = start(args, niceness)
        if (!(await next(child, 120_000))) throw new Error('a worker does not start')
      }
      while (given.length < AHEAD && queue.length > 0) {
        const job = queue.shift()
        given.push(job)
        child.send({
          id: job.id,
          first: job.again === undefined ? hints(job) : [job.again, ...hints(job)],
          tries: Number.isFinite(tries) ? tries : 1e9,
          unit,
          only,
          atLoad: job.atLoad,
          endless: job.endless,
        })
      }
      const result = await next(child, budget(given[0]))
      const job = given.shift()
      if (!result) {
        report(job, { killer: -1, got: 'no answer in time' })
        stop()
        continue
      }
      // What is loaded again and again is never freed.
      if (job.atLoad) loads++
      // What the process before was left in may have been the cause: only a fresh one says whether the mutant is.
      if (!result.sane && job.again === undefined) queue.unshift({ ...job, again: result.killer })
      else report(job, result)
      if (!result.sane || loads >= 50) stop()
    }
    stop()
  }
  await Promise.all(Array.from({ length: workers }, one))
}
