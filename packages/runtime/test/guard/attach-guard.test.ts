import { spawnSync } from 'node:child_process'
import fs, { readFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import v8 from 'node:v8'
import vm from 'node:vm'
import { guardPlugin, type SeccompError } from '@skep/hook-seccomp'
import { attachGuard, type Guard, type GuardProgram, guardedPlugin } from '@skep/hook-seccomp/node'
import { assemble } from '@skep/isa'
import { arg, codec, createRuntime, defineHelper, definePlugin, type Runtime, ret } from '@skep/runtime'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { guardRuntime, objectOf } from './load-guard.ts'

let runtime: Runtime
beforeEach(async () => {
  runtime = await guardRuntime()
})
afterEach(() => runtime.close())

async function program(text: string, type = 'guard', of = runtime): Promise<GuardProgram> {
  const base = { references: [], functions: [], lines: [], license: 'GPL' }
  const collection = await of.load({
    programs: [{ ...base, name: 'p', section: type, type, insns: assemble(text) }],
    ...{ maps: [], variables: [], license: 'GPL', notes: [] },
  })
  return collection.program('p', 'guard')
}
const read = (): string => readFileSync('/etc/hostname', 'utf8')
const codeOf = (act: () => unknown): string | undefined => {
  try {
    act()
    return undefined
  } catch (error) {
    return (error as SeccompError).code
  }
}

describe('attachGuard', () => {
  it('takes programs of its type alone', async () => {
    const other = await program('r0 = 2\nexit', 'xdp').catch((error) => error)
    expect(other.code).toBe('WRONG_PROGRAM_TYPE')
    // @ts-expect-error: a program of another type does not compile.
    const wrong = (one: GuardProgram & { type: 'xdp' }): Guard => attachGuard(one as { type: 'xdp' })
    expect(wrong).toBeTypeOf('function')
    for (const bad of [
      undefined,
      {},
      Promise.resolve(),
      { run: () => 0, type: 'xdp', name: 'x', host: { arena: { alloc: read } } },
    ])
      expect(codeOf(() => attachGuard(bad as never))).toBe('BAD_PROGRAM')
    const good = await program('r0 = 0\nexit')
    expect(codeOf(() => attachGuard(good, { scope: 'some' as never }))).toBe('BAD_OPTION')
    expect(codeOf(() => attachGuard(good, { onEvent: 1 as never }))).toBe('BAD_OPTION')
  })

  it('knows who calls, across callbacks, promises and timers', async () => {
    const seen: string[] = []
    const guard = attachGuard(await program('r0 = 0\nexit'), {
      onEvent: ({ plugin, path }) => {
        if (path === '/nowhere/asked') seen.push(plugin)
      },
    })
    const ask = (): boolean => fs.existsSync('/nowhere/asked')
    await guard.run('one', async () => {
      ask()
      await fs.promises.stat('/')
      ask()
      await new Promise<void>((resolve) => setTimeout(() => resolve(void ask()), 1))
      guard.run('two', ask)
      expect(guardedPlugin()).toBe('one')
    })
    ask()
    expect(seen).toEqual(['one', 'one', 'one', 'two', ''])
    for (const bad of ['', 'x'.repeat(32), 'a\0b', undefined as never])
      expect(codeOf(() => guard.run(bad, read))).toBe('BAD_CALL')
    guard.close()
  })

  it('decides as the program says, and with EPERM what is no verdict', async () => {
    const failures: unknown[] = []
    runtime.on('exception', (error) => failures.push(error))
    const said = async (text: string): Promise<string | undefined> => {
      using guard = attachGuard(await program(text), { scope: 'plugins' })
      return codeOf(() => guard.run('plugin', read))
    }
    expect(await said('r0 = 0\nexit')).toBe(undefined)
    expect(await said('r0 = -2\nexit')).toBe('ENOENT')
    expect(await said('r0 = 5\nexit')).toBe('EPERM')
    expect(await said('r0 = -5000\nexit')).toBe('EPERM')
    expect(failures).toEqual([])
  })

  it('refuses where the program faults, and goes on where a listener throws', async () => {
    const throwing = definePlugin({
      name: 'throwing',
      helpers: [
        defineHelper({
          name: 'acme_throw',
          id: 0x1_0001,
          args: [arg.scalar()],
          returns: ret.scalar(),
          programTypes: ['guard'],
          call: () => {
            // Calls of the host's own helpers are asked about too, while the program runs.
            fs.existsSync('/')
            throw new Error('helper')
          },
        }),
      ],
    })
    const own = await createRuntime({ plugins: [guardPlugin, throwing] })
    const failures: Error[] = []
    own.on('exception', (error) => failures.push(error as Error))
    const faulting = await program('r1 = 0\ncall 0x10001\nr0 = 0\nexit', 'guard', own)
    const guard = attachGuard(faulting, { scope: 'plugins' })
    expect(codeOf(() => guard.run('plugin', read))).toBe('EPERM')
    expect(failures[0]!.message).toContain('acme_throw')
    expect(guard.stats.failed).toBeGreaterThan(0)
    guard.close()
    failures.length = 0
    const listening = attachGuard(await program('r0 = 0\nexit', 'guard', own), {
      scope: 'plugins',
      onEvent: () => {
        throw new Error('listener')
      },
    })
    expect(listening.run('plugin', read)).toBe(read())
    expect(failures.map(({ message }) => message)).toContain('listener')
    own.close()
    expect(listening.closed).toBe(true)
  })

  // The bar is 100,000: `SKEP_GUARD_ROUNDS=100000 npx vitest run test/guard`.
  it('leaves Node as it was, and does not grow', { timeout: 600_000 }, async () => {
    const rounds = Number(process.env.SKEP_GUARD_ROUNDS ?? 200)
    const before = [fs.readFileSync, fs.promises.open, net.Socket.prototype.connect, readFileSync]
    const one = await program('r0 = -13\nexit')
    // The collector costs more than the rounds of the short form.
    const heap = (): number => {
      if (rounds < 10_000) return 0
      v8.setFlagsFromString('--expose-gc')
      vm.runInNewContext('gc')()
      return process.memoryUsage().heapUsed
    }
    const free = (): number => runtime.arena.used
    attachGuard(one, { scope: 'plugins' }).close()
    const start = free()
    const heapBefore = heap()
    for (let round = 0; round < rounds; round++) {
      const guard = attachGuard(one, { scope: 'plugins' })
      if (round % 1000 === 0) expect(codeOf(() => guard.run('plugin', read))).toBe('EACCES')
      guard.close()
    }
    expect(free()).toBe(start)
    expect(heap() - heapBefore).toBeLessThan(1_000_000)
    expect([fs.readFileSync, fs.promises.open, net.Socket.prototype.connect, readFileSync]).toEqual(before)
    expect(read().length).toBeGreaterThan(0)
  })

  it('asks all guards, and closes in any order', async () => {
    const [first, second] = [await program('r0 = -1\nexit'), await program('r0 = -13\nexit')]
    const guards = [first, second].map((one) => attachGuard(one, { scope: 'plugins' }))
    const said = (): string | undefined => codeOf(() => guards[0]!.run('plugin', read))
    expect(said()).toBe('EPERM')
    guards[0]!.close()
    expect(said()).toBe('EACCES')
    guards[1]!.close()
    guards[1]!.close()
    expect(said()).toBe(undefined)
  })
})

describe('a program in C', () => {
  it('lets plugins do what the host listed, and counts what they are refused', async () => {
    const folder = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'skep-plugins-'))
    fs.writeFileSync(join(folder, 'data'), 'data')
    const collection = await runtime.load(objectOf('plugins'))
    const folders = collection.map('folders', { key: codec.u32, value: codec.bytes(256) })
    const value = new Uint8Array(256)
    new DataView(value.buffer).setUint32(0, folder.length, true)
    value.set(new TextEncoder().encode(folder), 4)
    folders.set(0, value)
    const guard = attachGuard(collection.program('plugins', 'guard'))
    const as = (act: () => unknown): string | undefined => codeOf(() => guard.run('weather', act))
    try {
      expect(as(() => fs.readFileSync(join(folder, 'data')))).toBe(undefined)
      expect(as(() => fs.writeFileSync(join(folder, 'data'), ''))).toBe('EPERM')
      expect(as(() => fs.readFileSync(`${folder}/../${folder.split('/').at(-1)}x`))).toBe('EACCES')
      expect(as(() => fs.readdirSync('/etc'))).toBe('EACCES')
      expect(as(() => process.getBuiltinModule('node:module').createRequire('/x.js')('os'))).toBe(undefined)
      expect(as(() => spawnSync('true').error && [])).toBe(undefined)
    } finally {
      guard.close()
      fs.rmSync(folder, { recursive: true })
    }
    const refused = collection.map('refused', { key: codec.bytes(32), value: codec.u32 })
    const [name, count] = [...refused][0]!
    expect(new TextDecoder().decode(name).replaceAll('\0', '')).toBe('weather')
    expect(count).toBeGreaterThan(3)
  })
})
