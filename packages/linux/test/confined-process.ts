// Confines itself, and says what it can still do, and from where: a line of JSON. Its argument is which threads.

import { mkdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { compilePolicy } from '@skep/hook-seccomp'
import { confine } from '../src/index.ts'

const file = process.argv[2]!
const filter = compilePolicy({
  architectures: [process.arch],
  default: 'allow',
  rules: [
    { syscalls: ['mkdir', 'mkdirat'], action: { errno: 'EACCES' } },
    { syscalls: ['pread64', 'read'], action: { errno: 'ENOSYS' }, args: [{ arg: 2, op: 'eq', value: 4321 }] },
  ],
})

const attempt = (act: () => unknown): string => {
  try {
    act()
    return 'done'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}
const mkdir = (): string => attempt(() => mkdirSync(file))
/** From a thread of the pool, of which there are four. */
const pool = async (): Promise<string[]> => {
  const { mkdir: later } = await import('node:fs/promises')
  return Promise.all(
    Array.from({ length: 8 }, () =>
      later(file).then(
        () => 'done',
        (error: NodeJS.ErrnoException) => error.code ?? '',
      ),
    ),
  )
}

async function worker(order: string): Promise<unknown> {
  const one = new Worker(new URL(import.meta.url), { argv: [file, order] })
  return new Promise((resolve, reject) => {
    one.once('message', resolve)
    one.once('error', reject)
  })
}

if (!isMainThread) {
  if (process.argv[3] === 'this') await confine(filter, { threads: 'this' })
  parentPort!.postMessage({ main: mkdir(), pool: await pool() })
} else if (process.argv[3] === 'all') {
  // The pool's threads are there before the filter is.
  await Promise.all(Array.from({ length: 8 }, () => readFile('/dev/null')))
  const early = worker('late')
  await early
  await confine(filter)
  console.log(JSON.stringify({ main: mkdir(), pool: await pool(), worker: await worker('later') }))
} else {
  const confined = await worker('this')
  console.log(JSON.stringify({ worker: (confined as { main: string }).main, main: mkdir() }))
}
