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

/** The next message of a child, or undefined once it has ended or `ms` have passed. */
export const next = (child, ms) =>
  new Promise((resolve) => {
    const done = (value) => {
      clearTimeout(timer)
      child.off('message', done)
      child.off('exit', ended)
      resolve(value)
    }
    const ended = () => done(undefined)
    const timer = setTimeout(ended, ms)
    child.on('message', done)
    child.on('exit', ended)
  })

/**
 * Gives each of `jobs` (`{ id, atLoad }`) to one of `workers` processes; `hints(job)` are tests to try first. `report` gets
 * the job and its result.
 */
export async function runAll(jobs, { args, niceness, workers, budget, hints, tries, unit, report }) {
  const queue = [...jobs]
  const one = async () => {
    let child
    let loads = 0
    const stop = () => {
      loads = 0
      child?.kill('SIGKILL')
      child = undefined
    }
    while (queue.length > 0) {
      const job = queue.shift()
      if (!child) {
        child = start(args, niceness)
        const ready = await next(child, 120_000)
        if (!ready) {
          stop()
          report(job, { error: 'the worker does not start' })
          continue
        }
      }
      child.send({
        id: job.id,
        first: job.again === undefined ? hints(job) : [job.again, ...hints(job)],
        tries: Number.isFinite(tries) ? tries : 1e9,
        unit,
        atLoad: job.atLoad,
      })
      const result = await next(child, budget(job))
      if (!result) {
        report(job, { killer: -1, got: 'no answer in time' })
        stop()
        continue
      }
      // What is loaded again and again is never freed.
      if (job.atLoad) loads++
      if (!result.sane || loads >= 50) stop()
      // What the process before was left in may have been the cause: only a fresh one says whether the mutant is.
      if (!result.sane && job.again === undefined) queue.unshift({ ...job, again: result.killer })
      else report(job, result)
    }
    stop()
  }
  await Promise.all(Array.from({ length: workers }, one))
}
