import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { missing, named } from '../test/availability.ts'
import { functionsBtf } from '../test/btf.ts'
import {
  addImm,
  callNear,
  count,
  exit,
  firstByte,
  jltImm,
  load,
  mov,
  movImm,
  pass,
  program,
} from '../test/insns.ts'
import { processedInsns } from './decisive-line.ts'
import { KernelArgumentError, KernelError } from './errors.ts'
import { type Kernel, openKernel } from './kernel.ts'
import type { KernelProgram, ProgramOptions } from './kernel-program.ts'

describe.skipIf(missing)(named('KernelProgram'), () => {
  let kernel: Kernel
  beforeAll(async () => {
    kernel = await openKernel()
  })
  afterAll(() => kernel.close())

  const accepted = (options: ProgramOptions): KernelProgram => {
    const result = kernel.loadProgram(options)
    if (!result.ok) throw new Error(`${result.errno}\n${result.log}`)
    return result
  }

  it('loads, and tells what the verifier did', () => {
    using xdp = accepted({ name: 'pass', type: 'xdp', insns: program(...pass) })
    expect(xdp.log).toMatch(/processed 2 insns/)
    expect(xdp.verifiedInsns).toBe(2)
    expect(xdp.info().tag).toMatch(/^[0-9a-f]{16}$/)
    expect(xdp.info().xlatedLength).toBeGreaterThanOrEqual(16)
  })

  it('answers a refusal with errno and log', () => {
    const result = kernel.loadProgram({ type: 'xdp', insns: program(mov(0, 2), exit()) })
    expect(result).toMatchObject({ ok: false, errno: 'EACCES' })
    expect(result.log).toMatch(/R2 !read_ok/)
    const unknown = kernel.loadProgram({ type: 9999, insns: program(...pass) })
    expect(unknown).toMatchObject({ ok: false, errno: 'EINVAL', log: '' })
  })

  it('gives the same answer with a log on demand', () => {
    const bad = { type: 'xdp', insns: program(mov(0, 2), exit()) }
    expect(kernel.loadProgram({ ...bad, lazyLog: true })).toEqual(kernel.loadProgram(bad))
    using good = accepted({ type: 'xdp', insns: program(...pass), lazyLog: true })
    expect(processedInsns(good.log)).toBe(2)
    expect(kernel.loadProgram({ ...bad, logLevel: 0 })).toMatchObject({ ok: false, errno: 'EACCES', log: '' })
  })

  const looping = program(movImm(0, 0), addImm(0, 1), jltImm(0, 4_000, -2), exit())

  it('returns the whole of a log that is longer than the first buffer', () => {
    using long = accepted({ type: 'xdp', insns: looping, logLevel: 2 })
    expect(long.log.length).toBeGreaterThan(1 << 22)
    expect(long.log).toMatch(/^func#0 @0/)
    expect(long.log).toMatch(/processed 8002 insns .*\n$/)
  })

  it('keeps the verdict when a log on demand does not fit', () => {
    const insns = program(movImm(0, 0), addImm(0, 1), jltImm(0, 4_000, -2), mov(0, 9), exit())
    const result = kernel.loadProgram({ type: 'xdp', insns, logLevel: 2, lazyLog: true })
    expect(result).toMatchObject({ ok: false, errno: 'EACCES' })
    expect(result.log).toMatch(/R9 !read_ok\nprocessed \d+ insns/)
  })

  it('runs with a packet and gives it back', () => {
    using xdp = accepted({ type: 'xdp', insns: program(...firstByte) })
    const dataIn = Uint8Array.from({ length: 64 }, (_, i) => i + 3)
    expect(xdp.testRun({ dataIn })).toMatchObject({ retval: 3, dataOut: dataIn })
    expect(xdp.testRun({ dataIn, dataOutSize: 64, repeat: 100 }).retval).toBe(3)
    const short = (): unknown => xdp.testRun({ dataIn: dataIn.subarray(0, 5) })
    expect(short).toThrow(KernelError)
    expect(short).toThrow(/BPF_PROG_TEST_RUN: EINVAL: .*at least 14 bytes/)
    expect(() => xdp.testRun({ dataIn, dataOutSize: 10 })).toThrow(
      expect.objectContaining({ errno: 'ENOSPC' }),
    )
  })

  it('runs with a context and gives it back', () => {
    using tc = accepted({ type: 'sched_cls', insns: program(load(4, 0, 1, 8), exit()) })
    const ctxIn = new Uint8Array(192)
    new DataView(ctxIn.buffer).setUint32(8, 0x1234, true)
    const run = tc.testRun({ dataIn: new Uint8Array(64), ctxIn })
    expect(run.retval).toBe(0x1234)
    expect(run.ctxOut.subarray(8, 12)).toEqual(ctxIn.subarray(8, 12))
  })

  it('says when a type has no test run', () => {
    using probe = accepted({ type: 'kprobe', insns: program(movImm(0, 0), exit()) })
    expect(() => probe.testRun()).toThrow(/ENOTSUPP: .*no test run for this program type/)
  })

  it('shares maps between program and host', () => {
    using map = kernel.createMap({ type: 'array', keySize: 4, valueSize: 8, maxEntries: 1 })
    using xdp = accepted({ type: 'xdp', insns: program(...count(map.fd)) })
    xdp.testRun({ dataIn: new Uint8Array(64), repeat: 5 })
    expect(map.lookup(new Uint8Array(4))?.[0]).toBe(5)
  })

  it('takes BTF with function records', () => {
    using btf = kernel.loadBtf(functionsBtf())
    const insns = program(callNear(1), exit(), movImm(0, 7), exit())
    const funcInfo = new Uint8Array(Uint32Array.from([0, 3, 2, 4]).buffer)
    using xdp = accepted({ type: 'socket_filter', insns, btf, funcInfo })
    expect(xdp.testRun({ dataIn: new Uint8Array(64) }).retval).toBe(7)
    const wrong = new Uint8Array(Uint32Array.from([0, 3, 1, 4]).buffer)
    expect(kernel.loadProgram({ type: 'socket_filter', insns, btf, funcInfo: wrong })).toMatchObject({
      ok: false,
    })
  })

  it('verifies as a less privileged loader', () => {
    const leak = { type: 'socket_filter', insns: program(mov(0, 1), exit()) }
    accepted(leak).close()
    const result = kernel.without(['CAP_PERFMON', 'CAP_SYS_ADMIN'], () => kernel.loadProgram(leak))
    expect(result).toMatchObject({ ok: false, errno: 'EACCES' })
    expect(result.log).toMatch(/R0 leaks addr as return value/)
    accepted(leak).close()
  })

  it('refuses arguments that make no sense', () => {
    const insns = program(...pass)
    expect(() => kernel.loadProgram({ type: 'xdp', insns: insns.subarray(1) })).toThrow(KernelArgumentError)
    expect(() => kernel.loadProgram({ type: 'xpd', insns })).toThrow(
      /program.type: no program type is called 'xpd'/,
    )
    expect(() => kernel.loadProgram({ type: 'xdp', attachType: 'constructor', insns })).toThrow(
      /program.attachType/,
    )
  })

  it('holds no descriptor after close', () => {
    using first = accepted({ type: 'xdp', insns: program(...pass) })
    const next = accepted({ type: 'xdp', insns: program(...pass) })
    const fd = next.fd
    next.close()
    using again = accepted({ type: 'xdp', insns: program(...pass) })
    expect(again.fd).toBe(fd)
    expect(first.fd).not.toBe(fd)
    for (let i = 0; i < 2000; i++) {
      const rejected = kernel.loadProgram({ type: 'xdp', insns: program(mov(0, 2), exit()), lazyLog: true })
      expect(rejected.ok).toBe(false)
    }
    using last = accepted({ type: 'xdp', insns: program(...pass) })
    expect(last.fd).toBeLessThan(fd + 50)
  })
})
