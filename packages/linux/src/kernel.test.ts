import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { missing, named } from '../test/availability.ts'
import { LinuxUnavailableError } from './errors.ts'
import { bind, loadFfi } from './ffi.ts'
import { isKernelAvailable, openKernel, raiseMemlock, refusal } from './kernel.ts'

const unavailable = async (promise: Promise<unknown>): Promise<LinuxUnavailableError> => {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(LinuxUnavailableError)
  return error as LinuxUnavailableError
}

describe('where there is no kernel to ask', () => {
  const koffi = async (): Promise<never> => {
    throw new Error("Cannot find package 'koffi'")
  }

  it('names the operating system, the architecture or the package that is missing', async () => {
    expect(await unavailable(bind({ platform: 'darwin', arch: 'arm64', koffi }))).toMatchObject({
      code: 'LINUX_UNAVAILABLE',
      unavailable: 'not-linux',
      reason: 'this is darwin, and bpf(2) is a Linux system call',
    })
    expect(await unavailable(bind({ platform: 'linux', arch: 's390x', koffi }))).toMatchObject({
      unavailable: 'architecture',
      reason: 'no system call numbers for s390x, only for x64 and arm64',
    })
    const error = await unavailable(bind({ platform: 'linux', arch: 'x64', koffi }))
    expect(error.unavailable).toBe('no-koffi')
    expect(error.message).toMatch(/npm install koffi/)
    expect(error.cause).toBeInstanceOf(Error)
  })

  it('always answers, with a reason when not', async () => {
    const answer = await isKernelAvailable()
    if (answer.ok) expect(missing).toBeUndefined()
    else expect(answer.reason).toMatch(/\w+ \w+/)
  })
})

describe.skipIf(missing)(named('openKernel'), () => {
  it('knows release, CPUs and types', async () => {
    using kernel = await openKernel()
    expect(kernel.release).toMatch(/^\d+\.\d+/)
    expect(kernel.possibleCpus).toBeGreaterThan(0)
  })

  it('says what a process without capabilities lacks', async () => {
    const kernel = await openKernel()
    const error = kernel.without(['CAP_BPF', 'CAP_SYS_ADMIN'], () => refusal(kernel))
    // kernel.unprivileged_bpf_disabled=0 lets anyone load socket filters.
    if (error) expect(error.reason).toMatch(/may not load programs \(EPERM\); run as root or with CAP_BPF/)
    expect(refusal(kernel)).toBeUndefined()
  })

  it('lifts the memory lock limit for old kernels alone', async () => {
    const ffi = await loadFfi()
    // Without CAP_SYS_RESOURCE the hard limit stays, so the call is the real one and the limit the present one.
    const present = /Max locked memory +(\w+) +(\w+)/.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    const limit = BigUint64Array.from(present.slice(1), (text) =>
      text === 'unlimited' ? 2n ** 64n - 1n : BigInt(text),
    )
    const asked: number[] = []
    const recording = {
      ...ffi,
      setLimit: (resource: number, bytes: Uint8Array) => {
        asked.push(resource)
        expect(bytes).toEqual(new Uint8Array(16).fill(0xff))
        return ffi.setLimit(resource, new Uint8Array(limit.buffer))
      },
    }
    expect(raiseMemlock(recording, '5.11.0')).toBe(false)
    expect(raiseMemlock(recording, '6.18.1-x')).toBe(false)
    expect(asked).toEqual([])
    expect(raiseMemlock(recording, '5.10.200')).toBe(true)
    expect(asked).toEqual([8])
    expect(ffi.setLimit(99, new Uint8Array(limit.buffer))).toBe(-22)
  })
})
