import { once } from 'node:events'
import { compilePolicy, learnPolicy, type SeccompPolicy } from '@skep/hook-seccomp'
import { afterAll, describe, expect, it } from 'vitest'
import { missing } from '../../test/confined.ts'
import { type ConfinedProcess, observeSyscalls, spawnConfined } from '../index.ts'

/** A small server: it says hello, echoes what is posted, ends when told, and on `/shell` does what it should not. */
const SERVER = `
const http = require('http')
const { spawn } = require('child_process')
const server = http.createServer(async (request, response) => {
  response.setHeader('connection', 'close')
  if (request.url === '/shell') {
    try {
      const shell = spawn('/bin/sh', ['-c', 'echo pwned'])
      let text = ''
      shell.stdout?.on('data', (more) => { text += more })
      shell.on('error', (error) => response.end('refused ' + error.code))
      shell.on('close', () => response.end(text))
    } catch (error) { response.end('refused ' + error.code) }
    return
  }
  if (request.url === '/end') { response.end('bye'); server.close(); return }
  let body = ''
  for await (const part of request) body += part
  response.end(request.method === 'POST' ? body.toUpperCase() : 'hello')
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
`

/** What V8's collector and its threads do when it comes to it. */
const NOW_AND_THEN =
  'restart_syscall rt_sigreturn exit futex madvise mmap munmap mprotect brk sched_yield membarrier'.split(' ')

const running: ConfinedProcess[] = []
afterAll(() => {
  for (const { child } of running) child.kill('SIGKILL')
})

async function port({ child }: ConfinedProcess): Promise<number> {
  const [text] = (await once(child.stdout!, 'data')) as [Buffer]
  return Number(String(text))
}

async function ask(base: string): Promise<string[]> {
  const text = async (path: string, body?: string): Promise<string> => {
    const init = body === undefined ? {} : { method: 'POST', body }
    return (await fetch(base + path, init)).text()
  }
  return [
    await text('/'),
    await text('/', 'some words'),
    ...(await Promise.all(['a', 'b', 'c'].map((one) => text('/', one)))),
  ]
}

const answers = ['hello', 'SOME WORDS', 'A', 'B', 'C']

async function learn(): Promise<SeccompPolicy> {
  const observed = await observeSyscalls(process.execPath, ['-e', SERVER])
  running.push(observed)
  const base = `http://127.0.0.1:${await port(observed)}`
  expect(await ask(base)).toEqual(answers)
  expect(await (await fetch(`${base}/end`)).text()).toBe('bye')
  await once(observed.child, 'exit')
  expect((await observed.supervisor!.done).failed).toBe(0)
  return learnPolicy(observed.calls(), { also: NOW_AND_THEN })
}

describe.skipIf(missing)(`observeSyscalls${missing ? ` (skipped: ${missing})` : ''}`, () => {
  it('learns a policy by which a server serves, and starts no shell', async () => {
    const policy = await learn()
    const names = policy.rules.flatMap((rule) => rule.syscalls)
    expect(names).toContain('accept4')
    // The command begins by it. A shell is stopped before it gets so far: there is no process for it.
    expect(names).toContain('execve')
    const filter = compilePolicy(policy)
    const confined = await spawnConfined(process.execPath, ['-e', SERVER], { filter })
    running.push(confined)
    const base = `http://127.0.0.1:${await port(confined)}`
    expect(await ask(base)).toEqual(answers)
    expect(await (await fetch(`${base}/shell`)).text()).toMatch(/^refused /)
    expect(await ask(base)).toEqual(answers)
    expect(await (await fetch(`${base}/end`)).text()).toBe('bye')
    const [code] = (await once(confined.child, 'exit')) as [number]
    expect(code).toBe(0)
  })
})
