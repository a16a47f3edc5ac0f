import { compilePolicy } from '@skep/hook-seccomp'
import { afterEach, describe, expect, it } from 'vitest'
import { allBut, missing } from '../../test/confined.ts'
import {
  type ConfinedPool,
  type ConfinedPoolOptions,
  createConfinedPool,
  poolSyscalls,
} from './confined-pool.ts'

type Tasks = typeof import('../../test/pool-tasks.mjs')
const module = new URL('../../test/pool-tasks.mjs', import.meta.url)
const noMkdir = allBut({ syscalls: ['mkdir', 'mkdirat'], action: { errno: 'EACCES' } })

let pool: ConfinedPool<Tasks>
const open = async (options: Partial<ConfinedPoolOptions> = {}): Promise<ConfinedPool<Tasks>> =>
  (pool = await createConfinedPool<Tasks>({ filter: noMkdir, module, size: 1, ...options }))
afterEach(() => pool?.close())

describe.skipIf(missing)(`createConfinedPool${missing ? ` (skipped: ${missing})` : ''}`, () => {
  it('runs tasks under a filter: on the main thread, in the thread pool, in later workers', async () => {
    await open({ size: 2 })
    expect(await pool.run('everywhere', '/tmp/never')).toEqual({
      main: 'EACCES',
      pool: ['EACCES'],
      worker: 'EACCES',
    })
    const [sum, , status] = await Promise.all([
      pool.run('add', 1, 2),
      expect(pool.run('fail')).rejects.toMatchObject({
        name: 'RangeError',
        message: 'too far',
        code: 'ERANGE',
      }),
      pool.run('status'),
    ])
    expect([sum, status]).toEqual([3, '2'])
    expect(await pool.run('environment')).toEqual([])
    await expect(pool.run('nothing' as 'fail')).rejects.toMatchObject({ code: 'BAD_TASK', task: 'nothing' })
    await expect(pool.run('uncloneable')).rejects.toThrow(/could not be cloned/)
    await expect(pool.run('add', (() => 1) as never, 2)).rejects.toThrow(/could not be cloned/)
    expect(pool.stats).toMatchObject({ started: 2, killed: 0 })
    expect(await pool.run('add', 2, 2)).toBe(4)
  })

  it('starts again what the filter killed, what ended, and what took too long', async () => {
    const filter = allBut({ syscalls: ['mkdir', 'mkdirat'], action: 'kill' })
    await open({ filter, timeout: 2000, memory: 32, tasksPerProcess: 2 })
    const failing = (task: 'spin' | 'leave' | 'kill' | 'allocate') =>
      pool.run(task).catch(({ code, signal }) => `${code} ${signal}`)
    expect(await pool.run('make', '/tmp/never').catch((error) => error)).toMatchObject({
      code: 'KILLED',
      signal: 'SIGSYS',
      task: 'make',
      message: 'task make made a system call that the filter kills for (SIGSYS)',
    })
    expect(await failing('kill')).toBe('KILLED SIGTERM')
    expect(await failing('leave')).toBe('EXITED undefined')
    const [first, second] = [await pool.run('pid'), await pool.run('pid')]
    expect(second).toBe(first)
    expect(await pool.run('pid')).not.toBe(first)
    expect(pool.stats).toMatchObject({ started: 5, killed: 2, timedOut: 0 })
    pool.close()
    await open({ timeout: 50 })
    await pool.ready()
    expect(await failing('spin')).toBe('TIMEOUT undefined')
    expect(pool.stats.timedOut).toBe(1)
  })

  it('works under a policy that allows nothing but what a pool needs', async () => {
    const rules = [{ syscalls: poolSyscalls, action: 'allow' as const }]
    const filter = compilePolicy({ architectures: [process.arch], default: { errno: 'EPERM' }, rules })
    await open({ filter })
    expect(await pool.run('add', 1, 2)).toBe(3)
    await expect(pool.run('make', '/tmp/never')).rejects.toMatchObject({ code: 'EPERM', syscall: 'mkdir' })
    expect(await pool.run('shell')).toMatch(/^E/)
  })

  it('closes, has a bound, and says why nothing begins', async () => {
    await open({ queue: 1 })
    const under = [pool.run('forever'), pool.run('forever')].map((one) => one.catch(({ code }) => code))
    await expect(pool.run('add', 1, 2)).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    expect([pool.waiting]).toEqual([2])
    pool.close()
    expect(await Promise.all(under)).toEqual(['CLOSED', 'CLOSED'])
    await expect(pool.run('add', 1, 2)).rejects.toMatchObject({ code: 'CLOSED' })
    await open({ module: '/nowhere/tasks.mjs' })
    await expect(pool.run('add', 1, 2)).rejects.toMatchObject({ code: 'BAD_MODULE' })
    const bad = [
      { size: 0 },
      { module: 'tasks.js' },
      { filter: [] },
      { confine: 'late' as never },
      { timeout: -1 },
    ]
    for (const one of bad) await expect(open(one)).rejects.toMatchObject({ code: 'KERNEL_ARGUMENT' })
  })
})
