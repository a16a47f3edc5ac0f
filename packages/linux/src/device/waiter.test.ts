import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type DeviceLibc, loadDeviceLibc } from './libc.ts'
import { EPOLLIN, EPOLLOUT, Waiter } from './waiter.ts'

const libc = await loadDeviceLibc().catch(() => undefined)

/** Descriptors that become readable when they are told to, and what a waiter makes of them. */
function setUp(real: DeviceLibc) {
  let calls = 0
  const counting: DeviceLibc = {
    ...real,
    wait: (...args) => {
      calls++
      return real.wait(...args)
    },
  }
  const told = (bytes: Uint8Array): number => real.address(bytes)
  return {
    waiter: new Waiter(counting),
    calls: () => calls,
    open: () => real.eventfd(),
    ring: (fd: number) => void real.write(fd, told(new Uint8Array(BigUint64Array.of(1n).buffer)), 8),
    read: (fd: number) => void real.read(fd, told(new Uint8Array(8)), 8),
    close: (waiter: Waiter, ...fds: number[]) => {
      for (const fd of fds) {
        waiter.forget(fd)
        real.close(fd)
      }
    },
  }
}

describe.skipIf(!libc)(`waiting for descriptors${libc ? '' : ' (skipped: no Linux or no koffi)'}`, () => {
  it('is done by one call for all of them, which is not made again while nothing comes', async () => {
    const { waiter, calls, open, ring, read, close } = setUp(libc!)
    const fds = Array.from({ length: 20 }, open)
    const order: number[] = []
    const waiting = fds.map(async (fd, n) => {
      expect(await waiter.wait(fd, EPOLLIN)).toBe(EPOLLIN)
      order.push(n)
    })
    await setTimeout(30)
    expect(calls()).toBeLessThan(5)
    ring(fds[7]!)
    await waiting[7]
    ring(fds[3]!)
    await waiting[3]
    expect(order).toEqual([7, 3])
    expect(calls()).toBeLessThan(8)
    // What is ready already is told at once, and again as long as it is.
    expect(await waiter.wait(fds[7]!, EPOLLIN)).toBe(EPOLLIN)
    read(fds[7]!)
    for (const fd of fds) ring(fd)
    await Promise.all(waiting)
    expect(order.length).toBe(20)
    close(waiter, ...fds)
  })

  it('ends when a descriptor is forgotten, and leaves no thread waiting', async () => {
    const { waiter, calls, open, close } = setUp(libc!)
    const [one, other] = [open(), open()]
    const waiting = [waiter.wait(one, EPOLLIN), waiter.wait(one, EPOLLIN), waiter.wait(other, EPOLLIN)]
    waiter.forget(one)
    waiter.forget(one)
    expect(await Promise.all(waiting.slice(0, 2))).toEqual([0, 0])
    close(waiter, one, other)
    expect(await waiting[2]).toBe(0)
    await setTimeout(20)
    expect(calls()).toBeLessThan(5)
  })

  it('tells each who waits for another event of the same descriptor', async () => {
    const { waiter, open, ring, close } = setUp(libc!)
    const fd = open()
    const reading = waiter.wait(fd, EPOLLIN)
    expect(await waiter.wait(fd, EPOLLOUT)).toBe(EPOLLOUT)
    ring(fd)
    expect((await reading) & EPOLLIN).toBe(EPOLLIN)
    close(waiter, fd)
  })
})
