import { createHostMap, hash, mapsModule, queue } from '@skep/maps'
import { control, programLayout } from '@skep/registry'
import { beforeEach, describe, expect, it } from 'vitest'
import { createWorld, uniform, type World } from '../../test/impl/world.ts'

const errno = (n: number): bigint => BigInt.asUintN(64, BigInt(-n))
const [ENOENT, E2BIG, EFAULT, EINVAL, EOPNOTSUPP] = [2, 7, 14, 22, 95].map(errno) as [
  bigint,
  bigint,
  bigint,
  bigint,
  bigint,
]
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

let world: World
beforeEach(() => {
  world = createWorld()
})

/** Allocates and fills. */
function put(content: Uint8Array): number {
  const at = world.arena.alloc(content.length)
  world.arena.u8.set(content, at)
  return at
}

const u32 = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer)
const control32 = (offset: number): number => world.arena.view.getUint32(world.control + offset, true)
const setControl64 = (offset: number, value: bigint): void =>
  world.arena.view.setBigUint64(world.control + offset, value, true)

describe('map helpers', () => {
  function createMap(def: typeof hash, keySize: number): ReturnType<typeof createHostMap> {
    const global = new WebAssembly.Global({ value: 'i32', mutable: false }, world.control)
    const { exports } = new WebAssembly.Instance(
      new WebAssembly.Module(mapsModule.bytes(false) as BufferSource),
      {
        env: { memory: world.arena.memory, table: world.table, control: global },
        memory: world.arena.exports as unknown as WebAssembly.ModuleImports,
      },
    )
    let next = 1
    return createHostMap({
      arena: world.arena,
      def,
      spec: { name: 'm', type: def.name, keySize, valueSize: 4, maxEntries: 2 },
      id: 1,
      exports,
      slot: (fn) => {
        world.table.set(next, fn as never)
        return next++
      },
    })
  }

  it('work on the map that their first argument is', () => {
    const map = createMap(hash, 4)
    const [key, other, value] = [put(u32(5)), put(u32(6)), put(u32(50))]
    expect(world.call('bpf_map_lookup_elem', map.address, key)).toBe(0n)
    expect(world.call('bpf_map_update_elem', map.address, key, value, 0)).toBe(0n)
    const at = world.call('bpf_map_lookup_elem', map.address, key)
    expect(at).toBe(BigInt(map.lookupAddress(5)))
    expect(world.call('bpf_map_update_elem', map.address, other, value, 2)).toBe(ENOENT)
    expect(world.call('bpf_map_update_elem', map.address, other, value, 1n << 40n)).toBe(EINVAL)
    expect(world.call('bpf_map_update_elem', map.address, other, value, 0)).toBe(0n)
    expect(world.call('bpf_map_update_elem', map.address, put(u32(7)), value, 0)).toBe(E2BIG)
    expect(world.call('bpf_map_delete_elem', map.address, key)).toBe(0n)
    expect(world.call('bpf_map_delete_elem', map.address, key)).toBe(ENOENT)
    expect(world.call('bpf_map_push_elem', map.address, value, 0)).toBe(EOPNOTSUPP)
    expect(world.call('bpf_map_lookup_percpu_elem', map.address, key, 0)).toBe(0n)
    expect(world.call('bpf_redirect_map', map.address, 1, 0)).toBe(0n)
  })

  it('push, pop and peek', () => {
    const map = createMap(queue, 0)
    const out = put(u32(0))
    for (const n of [1, 2]) expect(world.call('bpf_map_push_elem', map.address, put(u32(n)), 0)).toBe(0n)
    expect(world.call('bpf_map_push_elem', map.address, out, 0)).toBe(E2BIG)
    expect(world.call('bpf_map_peek_elem', map.address, out)).toBe(0n)
    expect(world.arena.view.getUint32(out, true)).toBe(1)
    for (const n of [1, 2]) {
      expect(world.call('bpf_map_pop_elem', map.address, out)).toBe(0n)
      expect(world.arena.view.getUint32(out, true)).toBe(n)
    }
    expect(world.call('bpf_map_pop_elem', map.address, out)).toBe(ENOENT)
    expect(world.arena.view.getUint32(out, true)).toBe(0)
  })

  it('call back for every element', () => {
    const map = createMap(hash, 4)
    for (const n of [3, 4]) map.update(u32(n), u32(n * 10))
    let sum = 0
    world.table.set(
      15,
      uniform((_map, key, value, context) => {
        expect(context).toBe(9n)
        sum += world.arena.view.getUint32(Number(key), true) + world.arena.view.getUint32(Number(value), true)
        return 0n
      }) as never,
    )
    expect(world.call('bpf_for_each_map_elem', map.address, 15, 9, 0)).toBe(2n)
    expect(sum).toBe(77)
    expect(world.call('bpf_for_each_map_elem', map.address, 15, 9, 1)).toBe(EINVAL)
  })
})

describe('bpf_loop', () => {
  it('counts its rounds, and stops when told', () => {
    const seen: bigint[] = []
    world.table.set(
      3,
      uniform((i, context) => {
        seen.push(i, context)
        return i === 2n ? 1n : 0n
      }) as never,
    )
    expect(world.call('bpf_loop', 2, 3, 7, 0)).toBe(2n)
    expect(world.call('bpf_loop', 100, 3, 7, 0)).toBe(3n)
    expect(seen).toEqual([0n, 7n, 1n, 7n, 0n, 7n, 1n, 7n, 2n, 7n])
    expect(world.call('bpf_loop', 0, 3, 0, 0)).toBe(0n)
    expect(world.call('bpf_loop', 1, 3, 0, 1)).toBe(EINVAL)
    expect(world.call('bpf_loop', 8 * 1024 * 1024 + 1, 3, 0, 0)).toBe(E2BIG)
  })

  it('ends when the callback faults', () => {
    let rounds = 0
    world.table.set(
      3,
      uniform(() => {
        rounds++
        world.arena.view.setInt32(world.control + control.CTL_FAULT, control.FAULT_BUDGET, true)
        return 0n
      }) as never,
    )
    world.call('bpf_loop', 100, 3, 0, 0)
    expect(rounds).toBe(1)
  })
})

describe('time and chance', () => {
  it('comes from the host, or from the control block', () => {
    world.now = 0x1_2345_6789_abcdn
    expect(world.call('bpf_ktime_get_ns')).toBe(world.now)
    expect(world.call('bpf_ktime_get_boot_ns')).toBe(world.now)
    expect(world.call('bpf_ktime_get_tai_ns')).toBe(world.now + 1_000_000_000_000n)
    setControl64(control.CTL_TIME, 8_000_001n)
    expect(world.call('bpf_ktime_get_ns')).toBe(8_000_001n)
    expect(world.call('bpf_ktime_get_coarse_ns')).toBe(8_000_000n)
    expect(world.call('bpf_jiffies64')).toBe(0x1_0000_0000n - 75_000n + 2n)
  })

  it('gives the same numbers for the same seed, in all 32 bits', () => {
    const draw = (): bigint[] => Array.from({ length: 1000 }, () => world.call('bpf_get_prandom_u32'))
    const first = draw()
    setControl64(control.CTL_RANDOM, 1n)
    setControl64(control.CTL_RANDOM + 8, 2n)
    expect(draw()).toEqual(first)
    expect(first.every((n) => n < 1n << 32n)).toBe(true)
    expect(new Set(first).size).toBeGreaterThan(995)
    for (let bit = 0n; bit < 32n; bit++) {
      const ones = first.filter((n) => (n >> bit) & 1n).length
      expect(ones).toBeGreaterThan(400)
      expect(ones).toBeLessThan(600)
    }
  })

  it('knows its CPU', () => {
    world.arena.view.setUint32(world.control + control.CTL_CPU, 5, true)
    expect(world.call('bpf_get_smp_processor_id')).toBe(5n)
    expect(world.call('bpf_get_numa_node_id')).toBe(0n)
  })
})

describe('probe reads', () => {
  it('fault outside what is allocated, and leave zeros', () => {
    const from = put(bytes('0123456789'))
    const to = put(new Uint8Array(16).fill(0xff))
    const read = (size: number): string => Buffer.from(world.arena.u8.slice(to, to + size)).toString('latin1')
    expect(world.call('bpf_probe_read_kernel', to, 10, from)).toBe(0n)
    expect(read(10)).toBe('0123456789')
    for (const bad of [0n, 16n, BigInt(from + 1), BigInt(from) + (1n << 32n), (1n << 64n) - 8n]) {
      world.arena.u8.fill(0xff, to, to + 16)
      expect(world.call('bpf_probe_read', to, 10, bad)).toBe(EFAULT)
      expect(read(11)).toBe(`${'\0'.repeat(10)}\xff`)
    }
    expect(world.call('bpf_probe_read_user', to, 0, 0)).toBe(0n)
    expect(world.call('bpf_copy_from_user', to, 1, from)).toBe(0n)
  })

  it('copy strings with their NUL, cut or whole', () => {
    const text = put(bytes('hello\0x'))
    const open = put(bytes('open'))
    const to = put(new Uint8Array(16))
    const str = (size: number, from: number): [bigint, string] => {
      world.arena.u8.fill(0xff, to, to + 16)
      const r0 = world.call('bpf_probe_read_kernel_str', to, size, from)
      return [r0, Buffer.from(world.arena.u8.slice(to, to + size)).toString('latin1')]
    }
    expect(str(6, text)).toEqual([6n, 'hello\0'])
    expect(str(16, text)[0]).toBe(6n)
    expect(str(3, text)).toEqual([3n, 'he\0'])
    expect(str(4, open)).toEqual([4n, 'ope\0'])
    expect(str(5, open)).toEqual([EFAULT, '\0\0\0\0\0'])
    expect(str(0, text)).toEqual([0n, ''])
    expect(world.call('bpf_probe_read_user_str', to, 3, 1n << 33n)).toBe(EFAULT)
  })
})

describe('redirects', () => {
  function run(type: number): { ask: (name: string, ...args: number[]) => bigint; header: () => number[] } {
    const block = world.arena.alloc(control.RUN_HEADER_SIZE + 64)
    const context = block + control.RUN_HEADER_SIZE
    const record = world.arena.alloc(programLayout.PROG_RECORD_SIZE)
    const { view } = world.arena
    view.setUint32(record + programLayout.PROG_TYPE, type, true)
    view.setUint32(world.control + control.CTL_PROG, record, true)
    view.setUint32(world.control + control.CTL_CTX, context, true)
    return {
      ask: (name, ...args) => world.call(name, ...args),
      header: () =>
        [control.RUN_REDIRECT, control.RUN_REDIRECT_KEY, control.RUN_REDIRECT_FLAGS].map((o) =>
          view.getUint32(context + o, true),
        ),
    }
  }

  it('of XDP and of tc differ in verdict and flags', () => {
    const xdp = run(6)
    expect(xdp.ask('bpf_redirect', 7, 1)).toBe(0n)
    expect(xdp.header()).toEqual([0, 0, 0])
    expect(xdp.ask('bpf_redirect', 7, 0)).toBe(4n)
    expect(xdp.header()).toEqual([1, 7, 0])
    const tc = run(3)
    expect(tc.ask('bpf_redirect', 8, 2)).toBe(2n)
    expect(tc.ask('bpf_redirect', 8, 1)).toBe(7n)
    expect(tc.header()).toEqual([1, 8, 1])
    expect(tc.ask('bpf_redirect_peer', 9, 1)).toBe(2n)
    expect(tc.ask('bpf_redirect_peer', 9, 0)).toBe(7n)
    expect(tc.header()).toEqual([1, 9, 4])
  })
})

describe('the host’s side', () => {
  it('prints lines', () => {
    const format = put(bytes('%s has %d of %x\n\0'))
    const name = put(bytes('queue\0'))
    expect(world.call('bpf_trace_printk', format, 17, name, 5, 0xff)).toBe(18n)
    expect(world.events).toEqual([{ event: 'printk', args: [{ text: 'queue has 5 of ff', cpu: 3 }] }])
    expect(world.call('bpf_trace_printk', format, 5, 0, 0, 0)).toBe(EINVAL)
    expect(world.call('bpf_trace_printk', put(bytes('%y\0')), 3, 0, 0, 0)).toBe(EINVAL)

    const args = put(new Uint8Array(BigUint64Array.from([1n, 2n, 3n, 4n]).buffer))
    const four = put(bytes('%d%d%d%lld\0'))
    expect(world.call('bpf_trace_vprintk', four, 11, args, 32)).toBe(4n)
    expect(world.call('bpf_trace_vprintk', four, 11, args, 24)).toBe(EINVAL)
    expect(world.call('bpf_trace_vprintk', four, 11, args, 30)).toBe(EINVAL)
    expect(world.call('bpf_trace_vprintk', four, 11, 0, 32)).toBe(EINVAL)
    expect(world.call('bpf_trace_vprintk', four, 11, args, 104)).toBe(EINVAL)
    expect(world.events[1]!.args).toEqual([{ text: '1234', cpu: 3 }])

    const long = put(bytes(`${'x'.repeat(1500)}\0`))
    expect(world.call('bpf_trace_printk', long, 1501, 0, 0, 0)).toBe(1500n)
    expect((world.events[2]!.args[0] as { text: string }).text).toBe('x'.repeat(1023))
  })

  it('tells whose task it is', () => {
    world.task = { pid: 42, tgid: 40, uid: 1000, gid: 0xffff_fffe, comm: 'a-rather-long-name' }
    expect(world.call('bpf_get_current_pid_tgid')).toBe((40n << 32n) | 42n)
    expect(world.call('bpf_get_current_uid_gid')).toBe((0xffff_fffen << 32n) | 1000n)
    const to = put(new Uint8Array(20).fill(0xff))
    const comm = (size: number): string => {
      expect(world.call('bpf_get_current_comm', to, size)).toBe(0n)
      return Buffer.from(world.arena.u8.slice(to, to + size)).toString('latin1')
    }
    expect(comm(16)).toBe('a-rather-long-n\0')
    expect(comm(4)).toBe('a-r\0')
    world.task = { ...world.task, comm: 'x' }
    expect(comm(16)).toBe(`x${'\0'.repeat(15)}`)
    expect(control32(control.CTL_FAULT)).toBe(0)
  })
})
