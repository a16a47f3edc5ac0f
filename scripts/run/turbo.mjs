import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { call, root } from './process.mjs'
import { readReport, summary } from './totals.mjs'

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`

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

/**
 * Runs turbo's tasks over the packages and resolves to its exit status. What succeeds is told in a line; the output of
 * what fails is shown whole, at the end, task by task.
 */
export async function turbo(tasks, { filters = [], verbose = false, keepGoing = false, env = {} } = {}) {
  const start = performance.now()
  const outputs = new Map()
  const failed = new Set()
  const told = new Set()
  const unknown = []
  let hits = 0

  function heard({ source, text }) {
    if (source === 'turbo') {
      const error = /^(?:command \((.*)\) .* run (\S+) exited|Failed:\s+(.*))/.exec(text)
      if (error?.[3]) for (const task of error[3].split(',')) failed.add(task.trim())
      else if (/error|warning|invalid/i.test(text) && !error) unknown.push(text)
      return
    }
    if (!outputs.has(source)) outputs.set(source, [])
    const lines = outputs.get(source)
    lines.push(text)
    if (lines.length === 1) {
      if (text.startsWith('cache hit')) hits++
      progress.show(`${outputs.size} ${source.replace('#', ' ')}`)
    }
    if (verbose) {
      progress.clear()
      console.log(`${source.replace('#', ' ')}: ${text}`)
    } else if (
      /^\s*Duration\s/.test(stripVTControlCharacters(text)) &&
      source.includes('#test') &&
      !told.has(source)
    ) {
      // The last line of a test run: its report is written.
      const report = readReport(source.split('#')[0])
      if (!report) return
      told.add(source)
      progress.clear()
      console.log(`${source.split('#')[0].padEnd(22)} ${summary(report)}`)
    }
  }

  console.log(
    `${tasks[0] === 'build' && tasks.length > 1 ? 'building and testing' : (doing[tasks[0]] ?? tasks[0])}`,
  )
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
      `--concurrency=${Math.max(2, availableParallelism())}`,
      `--continue=${keepGoing ? 'dependencies-successful' : 'never'}`,
    ],
    {
      env,
      onLine: (line) => {
        let event
        try {
          event = JSON.parse(line)
        } catch {
          if (line.trim()) unknown.push(line)
          return
        }
        heard(event)
      },
    },
  )
  progress.clear()
  if (status !== 0) {
    if (!verbose)
      for (const task of failed)
        console.error(`\n${task.replace('#', ' ')}\n${body(outputs.get(task) ?? [])}`)
    if (failed.size === 0 && unknown.length > 0) console.error(unknown.join('\n'))
    console.error(
      failed.size > 0 ? `\nfailed: ${[...failed].join(', ').replaceAll('#', ' ')}` : '\nturbo failed',
    )
  } else
    console.log(
      `${outputs.size} tasks in ${seconds(start)}${hits > 0 ? `, ${hits} of them from the cache` : ''}`,
    )
  return status
}

const doing = { build: 'building', types: 'checking types' }

/** A task's output without the lines of turbo and pnpm about themselves. */
const body = (lines) =>
  lines.filter((line) => !/^(cache (miss|hit|bypass)|> |\s*$| ELIFECYCLE)/.test(line)).join('\n')
