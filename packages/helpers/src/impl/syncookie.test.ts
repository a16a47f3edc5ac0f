import { describe, expect, it } from 'vitest'
import { createWorld } from '../../test/impl/world.ts'

const world = createWorld()
const { arena } = world
const ip = arena.alloc(40)
const tcp = arena.alloc(60)

interface Syn {
  readonly mss?: number
  readonly options?: readonly number[]
  readonly length?: number
}

/** Headers of a SYN from 10.0.0.1:4660 to 10.0.0.2:80, or the like in IPv6. */
function write({ mss, options = mss === undefined ? [] : [2, 4, mss >> 8, mss & 255] }: Syn): number {
  const padded = (options.length + 3) & ~3
  const { view } = arena
  arena.u8.fill(7, ip, ip + 40)
  arena.u8.fill(0, tcp, tcp + 60)
  view.setUint32(tcp, 0x1234_0050)
  view.setUint32(tcp + 4, 1000)
  view.setUint8(tcp + 12, ((20 + padded) / 4) << 4)
  arena.u8.set(options, tcp + 20)
  return 20 + padded
}

const generate = (version: 4 | 6, syn: Syn): bigint =>
  world.call(
    version === 4 ? 'bpf_tcp_raw_gen_syncookie_ipv4' : 'bpf_tcp_raw_gen_syncookie_ipv6',
    ip,
    tcp,
    syn.length ?? write(syn),
  )

/** The ACK that answers a cookie: the next sequence number, and the cookie's behind. */
function answer(version: 4 | 6, cookie: number, change: () => void = () => {}): bigint {
  arena.view.setUint32(tcp + 4, 1001)
  arena.view.setUint32(tcp + 8, (cookie + 1) >>> 0)
  change()
  return world.call(
    version === 4 ? 'bpf_tcp_raw_check_syncookie_ipv4' : 'bpf_tcp_raw_check_syncookie_ipv6',
    ip,
    tcp,
  )
}

const mssOf = (result: bigint): number => Number(result >> 32n)
const cookieOf = (result: bigint): number => Number(result & 0xffff_ffffn)
const EACCES = BigInt.asUintN(64, -13n)
const EINVAL = BigInt.asUintN(64, -22n)

describe.each([4, 6] as const)('SYN cookies without a socket, IPv%d', (version) => {
  it('say the greatest segment size of four that fits', () => {
    const sizes = version === 4 ? [536, 1300, 1440, 1460] : [1220, 1420, 1440, 8940]
    for (const size of sizes) {
      expect(mssOf(generate(version, { mss: size }))).toBe(size)
      if (size !== sizes[0]) expect(mssOf(generate(version, { mss: size - 1 }))).toBeLessThan(size)
    }
    expect(mssOf(generate(version, { mss: 1 }))).toBe(sizes[0])
    expect(mssOf(generate(version, {}))).toBe(sizes[0])
  })

  it('read the option among others, and not past what ends them', () => {
    const [, , third] = version === 4 ? [536, 1300, 1440] : [1220, 1420, 1440]
    const mss = [2, 4, 1440 >> 8, 1440 & 255]
    expect(mssOf(generate(version, { options: [1, 3, 3, 7, ...mss] }))).toBe(third)
    for (const options of [
      [0, 0, 0, 0, ...mss],
      [3, 1, 0, 0, ...mss],
      [3, 40, 0, 0, ...mss],
      [2, 4, 0, 0],
    ])
      expect(mssOf(generate(version, { options }))).toBeLessThan(third!)
  })

  it('are known again, for this connection alone', () => {
    const cookie = cookieOf(generate(version, { mss: 1460 }))
    expect(answer(version, cookie)).toBe(0n)
    expect(answer(version, cookie + 5)).toBe(EACCES)
    expect(answer(version, cookie, () => arena.view.setUint32(tcp, 0x1235_0050))).toBe(EACCES)
    arena.view.setUint32(tcp, 0x1234_0050)
    expect(answer(version, cookie, () => arena.u8.fill(8, ip + 15, ip + 16))).toBe(EACCES)
  })

  it('need a whole header of the length that it says', () => {
    write({})
    expect(generate(version, { length: 16 })).toBe(EINVAL)
    expect(generate(version, { length: 24 })).toBe(EINVAL)
  })
})
