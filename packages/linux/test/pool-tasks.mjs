// Tasks for the tests of confined pools.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'

export const add = (a, b) => a + b
export const pid = () => process.pid
export const environment = () => Object.keys(process.env).filter((name) => !name.startsWith('NODE_CHANNEL'))
export const fail = () => {
  throw Object.assign(new RangeError('too far'), { code: 'ERANGE' })
}
export const forever = () => new Promise(() => setInterval(() => {}, 1000))
export const spin = () => {
  for (;;);
}
export const leave = () => process.exit(3)
export const kill = () => process.kill(process.pid, 'SIGTERM')
export const allocate = () => {
  const all = []
  for (;;) all.push(new Array(100_000).fill(all.length))
}
export const make = (path) => mkdirSync(path)
export const status = () => readFileSync('/proc/self/status', 'utf8').match(/Seccomp:\t(\d)/)[1]
export const shell = () => spawnSync('sh', ['-c', 'echo pwned']).error.code
export const uncloneable = () => () => {}
const codeOf = (error) => error.code
/** The main thread, Node's pool, and a worker that starts now. */
export const everywhere = async (path) => {
  const attempt = () => {
    try {
      mkdirSync(path)
      return 'done'
    } catch (error) {
      return error.code
    }
  }
  const pool = await Promise.all(Array.from({ length: 8 }, () => mkdir(path).then(() => 'done', codeOf)))
  const code = `const { parentPort } = require('node:worker_threads')
    try { require('fs').mkdirSync(${JSON.stringify(path)}); parentPort.postMessage('done') }
    catch ({ code }) { parentPort.postMessage(code) }`
  const worker = await new Promise((resolve) => new Worker(code, { eval: true }).once('message', resolve))
  return { main: attempt(), pool: [...new Set(pool)], worker }
}
