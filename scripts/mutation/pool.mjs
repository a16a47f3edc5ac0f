// Child processes that try mutants, each watched: one that does not answer in time is ended and its mutant counts as found.
import { fork } from 'node:child_process'
import { setPriority } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const worker = join(dirname(fileURLToPath(import.meta.url)), 'worker.mjs')

export function start(args, niceness, env = {}) {
  const child = fork(worker, args, {
    env: { ...process.env, ...env },
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
 * Gives each of `jobs` (`{ id, env? }`) to one of `workers` processes; `hints(job)` are tests to try first. `report` gets
 * the job and its result.
 */
export async function runAll(jobs, { args, niceness, workers, budget, hints, tries, unit, report }) {
  const queue = [...jobs]
  const one = async () => {
    let child
    const stop = () => {
      child?.kill('SIGKILL')
      child = undefined
    }
    while (queue.length > 0) {
      const job = queue.shift()
      // A mutant of what runs while modules load needs a process of its own.
      if (job.env) stop()
      if (!child) {
        child = start(args, niceness, job.env)
        const ready = await next(child, 120_000)
        if (!ready) {
          stop()
          report(job, job.env ? { killer: -1, got: 'does not load' } : { error: 'the worker does not start' })
          continue
        }
      }
      child.send({ id: job.id, first: hints(job), tries: Number.isFinite(tries) ? tries : 1e9, unit })
      const result = await next(child, budget(job))
      if (!result) {
        report(job, { killer: -1, got: 'no answer in time' })
        stop()
        continue
      }
      report(job, result)
      if (!result.sane || job.env) stop()
    }
    stop()
  }
  await Promise.all(Array.from({ length: workers }, one))
}
