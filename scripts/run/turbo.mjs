import { availableParallelism } from 'node:os'
import { delimiter, join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { call, environment, root } from './process.mjs'
import { readReport, summary } from './totals.mjs'

/** One line on a terminal that says what runs; nothing where there is none. */
const progress = {
  on: process.stdout.isTTY && !process.env.CI,
  show(text) {
    if (this.on) process.stdout.write(`\r\x1b[2K${text.slice(0, (process.stdout.columns || 80) - 1)}`)
  },
  clear() {
    if (this.on) process.stdout.write('\r\x1b[2K')
  },
}

/** `@skep/isa#build` for readers; turbo calls the workspace itself `//`. */
const label = (task) => task.replace(/^\/\/#/, '').replace('#', ' ')

/** Lines that turbo, pnpm and tsup write about themselves. */
const chatter = /^(cache (miss|hit|bypass)|> |CLI |\s*$|\s*ELIFECYCLE|\s*WARN\s+Local package)/

/** Follows turbo's events, one JSON object a line, and tells of them as they come. */
class Follower {
  outputs = new Map()
  failed = new Set()
  /** What is not a task's output: turbo's own complaints. */
  remarks = []
  cached = 0

  constructor(verbose) {
    this.verbose = verbose
  }

  line(line) {
    let event
    try {
      event = JSON.parse(line)
    } catch {
      if (line.trim()) this.remarks.push(line)
      return
    }
    if (event.source === 'turbo') this.#own(event.text)
    else this.#output(event.source, event.text)
  }

  #own(text) {
    const failed = /^Failed:\s+(.*)/.exec(text)
    if (failed) for (const task of failed[1].split(',')) this.failed.add(task.trim())
    else if (/error|warning|invalid/i.test(text)) this.remarks.push(text)
  }

  #output(task, text) {
    const lines = this.outputs.get(task) ?? []
    lines.push(text)
    if (lines.length === 1) {
      this.outputs.set(task, lines)
      if (text.startsWith('cache hit')) this.cached++
      progress.show(`${this.outputs.size} ${label(task)}`)
    }
    if (this.verbose) {
      progress.clear()
      console.log(`${label(task)}: ${text}`)
    } else if (/#test/.test(task) && stripVTControlCharacters(text).startsWith('JSON report written')) {
      const [name] = task.split('#')
      const report = readReport(name)
      progress.clear()
      if (report) console.log(`${(name === '//' ? 'scripts' : name).padEnd(22)} ${summary(report)}`)
    }
  }

  end(status, milliseconds) {
    progress.clear()
    const { outputs, failed, cached } = this
    if (status === 0) {
      const hits = cached > 0 ? `, ${cached} of them from the cache` : ''
      console.log(`${outputs.size} tasks in ${(milliseconds / 1000).toFixed(1)} s${hits}`)
      return
    }
    if (!this.verbose)
      for (const task of failed) {
        const lines = (outputs.get(task) ?? []).filter((line) => !chatter.test(line))
        console.error(`\n${label(task)}\n${lines.join('\n')}`)
      }
    if (failed.size > 0) console.error(`\nfailed: ${[...failed].map(label).join(', ')}`)
    else console.error([...this.remarks, `turbo failed with status ${status}`].join('\n'))
  }
}

/** The environment in which turbo finds our stand-in for pnpm (script.mjs), where it is a program that can be run. */
function standIn() {
  if (process.platform === 'win32') return {}
  return { PATH: [join(root, 'scripts/run/bin'), environment().PATH].join(delimiter) }
}

/**
 * Runs turbo's tasks over the packages and resolves to its exit status. What succeeds is told in a line; the output of
 * what fails is shown whole at the end, task by task. With `keepGoing`, one failure does not stop the others.
 */
export async function turbo(tasks, { title, filters = [], verbose = false, keepGoing = false, env = {} }) {
  const start = performance.now()
  const follower = new Follower(verbose)
  console.log(title)
  const status = await call(
    process.execPath,
    [
      join(root, 'node_modules/turbo/bin/turbo'),
      'run',
      ...tasks,
      ...filters,
      '--json',
      '--output-logs=full',
      '--cache=local:rw',
      // One more than there are cores: tasks wait too, for the kernel, a file or another process.
      `--concurrency=${availableParallelism() + 1}`,
      `--continue=${keepGoing ? 'dependencies-successful' : 'never'}`,
    ],
    { env: { ...standIn(), ...env }, onLine: (line) => follower.line(line) },
  )
  follower.end(status, performance.now() - start)
  return status
}
