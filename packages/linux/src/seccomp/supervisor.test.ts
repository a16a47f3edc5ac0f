import { closeSync, openSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compilePolicy, syscallNumber } from '@skep/hook-seccomp'
import { describe, expect, it } from 'vitest'
import { missing, output } from '../../test/confined.ts'
import { type Notification, spawnConfined } from '../index.ts'

const arch = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
const notifying = (...syscalls: string[]) =>
  compilePolicy({ architectures: [arch], default: 'allow', rules: [{ syscalls, action: 'notify' }] })

describe.skipIf(missing)(`Supervisor${missing ? ` (skipped: ${missing})` : ''}`, () => {
  it('answers, continues, denies and injects descriptors', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'skep-supervisor-'))
    const file = join(directory, 'secret')
    writeFileSync(file, 'injected')
    const fd = openSync(file, 'r')
    const seen: string[] = []
    const number = (name: string): number => syscallNumber(arch, name)!
    const answer = (one: Notification) => {
      if (one.nr === number('getppid')) return { value: 4242 }
      if (one.nr !== number('openat')) throw new Error('nobody asked for that')
      const path = one.readString(one.args[1]!)
      seen.push(path)
      if (path === '/nowhere/secret') return { fd, cloexec: true } as const
      return path === '/nowhere/late'
        ? new Promise<{ errno: number }>((resolve) => setTimeout(() => resolve({ errno: 1 }), 20))
        : ('continue' as const)
    }
    const filter = notifying('getppid', 'openat')
    const script = `
      const { ppid } = process
      const fs = require('fs')
      const attempt = (act) => { try { return act() } catch (error) { return error.code } }
      const read = (path) => attempt(() => fs.readFileSync(path, 'utf8'))
      console.log(ppid, read('/nowhere/secret'), read('/nowhere/late'), read('/nowhere/else'))`
    const confined = await spawnConfined(process.execPath, ['-e', script], { filter, onNotification: answer })
    expect(await output(confined)).toBe('4242 injected EPERM ENOENT\n0')
    expect(seen).toContain('/nowhere/else')
    const stats = await confined.supervisor!.done
    expect(stats.received).toBe(stats.answered + stats.gone)
    closeSync(fd)
    await rm(directory, { recursive: true })
  })

  it('denies where the handler throws', async () => {
    const filter = notifying('uname')
    const onNotification = (): never => {
      throw new Error('no')
    }
    const confined = await spawnConfined('uname', [], { filter, onNotification })
    expect(await output(confined)).toMatch(/^uname: .*Operation not permitted\n1$/)
    expect((await confined.supervisor!.done).failed).toBe(1)
  })

  it('serves 10,000 notifications of two processes and loses none', async () => {
    const filter = notifying('getppid')
    let count = 0
    const onNotification = (): { value: number } => ({ value: ++count })
    const script = `
      const seen = new Set()
      for (let n = 0; n < 5000; n++) seen.add(process.ppid)
      console.log(seen.size)`
    const twice = `node() { '${process.execPath}' -e "$0"; }; node & node; wait`
    const confined = await spawnConfined('sh', ['-c', twice, script], { filter, onNotification })
    expect(await output(confined)).toBe('5000\n5000\n0')
    const stats = await confined.supervisor!.done
    expect(stats.received).toBeGreaterThanOrEqual(10_000)
    expect(stats).toMatchObject({ answered: stats.received, gone: 0, failed: 0 })
  })
})
