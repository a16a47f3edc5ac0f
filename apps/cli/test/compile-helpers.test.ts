import { encode, parseAssembly } from '@skep/isa'
import { createStandaloneCompiler } from '@skep/jit-wasm/standalone'
import { definePlugin, type Row } from '@skep/registry'
import { type Collection, type CollectionSpec, createDefaultPlatform, createRuntime } from '@skep/runtime'
import { specFromRow } from '@skep/verifier'
import { describe, expect, it } from 'vitest'
import { compileObject } from '../src/compile-object.ts'

const platform = createDefaultPlatform()
const SEED = 3n

/** A program as text; `r1 = map N ll` refers to the map of that number. */
function specOf(
  type: string,
  text: string,
  maps: Row['maps'] = [],
  extra: Partial<Row> = {},
): CollectionSpec {
  const plain = parseAssembly(text.replaceAll(/= map \d+ ll/g, '= 0 ll'))
  const bytes = Buffer.from(encode(plain.insns))
  let slot = 0
  const refs = text.split('\n').flatMap((line) => {
    const map = /= map (\d+) ll/.exec(line)?.[1]
    const at = slot
    if (line.trim() !== '') slot += / ll$/.test(line) ? 2 : 1
    return map === undefined ? [] : [{ insn: at, map: Number(map) }]
  })
  // BPF_PSEUDO_MAP_FD in the source register.
  for (const { insn } of refs) bytes[8 * insn + 1]! |= 0x10
  const insns = bytes.toString('hex')
  const input = specFromRow(
    { name: 'test', type, insns, maps, refs, license: 'GPL', ...extra } as Row,
    platform,
  )
  return { programs: [input.program], maps: input.maps, variables: [], license: 'GPL', notes: [] }
}

interface Exports {
  readonly memory: WebAssembly.Memory
  readonly skep_packet: () => number
  readonly skep_map_data: (map: number) => number
  readonly skep_map_lookup: (map: number, key: number) => number
  readonly skep_map_update: (map: number, key: number, value: number, flags: bigint) => number
  readonly skep_map_delete: (map: number, key: number) => number
  readonly skep_alloc: (size: number, align: number) => number
  readonly skep_fault: () => number
  readonly skep_r0: () => bigint
  readonly skep_seed: (seed: bigint) => void
  readonly skep_time: (time: bigint) => void
  readonly context_test: (length: number) => number
  readonly run_test: (context: number) => number
}

/** The same collection, live and as an instance of its module. */
async function both(
  spec: CollectionSpec,
): Promise<{ live: Collection; exports: Exports; texts: [live: string[], standalone: string[]] }> {
  const compiler = createStandaloneCompiler()
  const runtime = await createRuntime({
    seed: SEED,
    engine: 'standalone',
    plugins: [definePlugin({ name: 'standalone', engines: [compiler.engine] })],
  })
  const texts: [string[], string[]] = [[], []]
  runtime.on('printk', ({ text }) => void texts[0].push(text))
  const live = await runtime.load(spec)
  const { bytes } = compiler.build(live, runtime.platform)
  const imports = {
    skep: {
      clock: () => 1n,
      printk: (at: number, length: number) => {
        const text = Buffer.from(exports.memory.buffer, at, length).toString()
        texts[1].push(text.replace(/\n$/, ''))
      },
    },
  }
  const { instance } = await WebAssembly.instantiate(bytes, imports)
  const exports = instance.exports as unknown as Exports
  return { live, exports, texts }
}

describe('texts of programs', () => {
  const PRINT = `*(u32 *)(r10 - 4) = 0
r1 = map 0 ll
r2 = r10
r2 += -4
call 1
if r0 == 0 goto +7
r1 = r0
r2 = 128
r3 = *(u64 *)(r0 + 128)
r4 = *(u64 *)(r0 + 136)
r5 = *(u64 *)(r0 + 144)
call 6
exit
r0 = 0
exit`

  it('are formatted in the module as the runtime formats them', async () => {
    const spec = specOf('xdp', PRINT, [
      { name: 'in', type: 'array', key_size: 4, value_size: 192, max_entries: 1 },
    ])
    const { live, exports, texts } = await both(spec)
    const key = new Uint8Array(4)
    const liveValue = (): Uint8Array => live.maps.get('in')!.lookupView(key)!
    const at = exports.skep_map_lookup(0, exports.skep_alloc(4, 4))
    let state = 12345
    const below = (n: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      return (state >>> 8) % n
    }
    const pick = <T>(list: readonly T[]): T => list[below(list.length)]!
    const conversions = [
      'd',
      'i',
      'u',
      'x',
      'X',
      'ld',
      'lu',
      'lx',
      'lld',
      'llu',
      'llx',
      'llX',
      'c',
      's',
      'ps',
      'pS',
    ]
    conversions.push('p', 'px', 'pK', 'pB', 'pI4', 'pi4', 'pI6', 'pi6', 'pks', 'pus', '%', 'q', 'pM', 'lls')
    const sources = ['a', ' ', 'x=', '\n', '\t', ':', '€', '\x01', '.', '', '', '']
    const results: [number, number][] = []
    for (let n = 0; n < 1500; n++) {
      let format = ''
      for (let k = below(4); k >= 0; k--) {
        const flags = pick(['', '', '', '0', '-', '+', ' ', '08', '-12', '+5', '300', '0-7'])
        format += `${pick(sources)}%${flags}${pick(conversions)}${pick(sources)}`
      }
      const value = new Uint8Array(192)
      value.set(new TextEncoder().encode(format).subarray(0, below(20) === 0 ? 128 : 127))
      const view = new DataView(value.buffer)
      for (const offset of [128, 136, 144]) {
        const word = pick([
          0n,
          5n,
          -3n,
          0xffff_ffffn,
          1n << 63n,
          0x1234_5678_9abcn,
          BigInt(at) + 160n,
          BigInt(at),
        ])
        view.setBigInt64(offset, BigInt.asIntN(64, word), true)
      }
      value.set(new TextEncoder().encode('some text'), 160)
      liveValue().set(value)
      new Uint8Array(exports.memory.buffer, at, 192).set(value)
      const program = live.program('test')
      const { retval } = program.testRun({ data: new Uint8Array(64) })
      results.push([retval, exports.run_test(exports.context_test(64)) >>> 0])
    }
    expect(results.map(([, standalone]) => standalone)).toEqual(results.map(([live]) => live))
    expect(texts[1]).toEqual(texts[0])
    expect(texts[0].length).toBeGreaterThan(200)
    expect(results.some(([live]) => live > 0x8000_0000)).toBe(true)
  })
})

describe('contexts of packets', () => {
  /** A program that mixes fields of a __sk_buff. */
  const mix = (fields: readonly number[]): string =>
    ['r0 = 0', ...fields.map((at) => `r2 = *(u32 *)(r1 + ${at})\nr0 *= 31\nr0 += r2`), 'exit'].join('\n')
  const common = [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40]
  const ethernet = '020000000001000000000002'
  const packets = [
    `${ethernet}0800${'450000280000400040117a0ac6336409cb00714d'.padEnd(120, '0')}`,
    `${ethernet}86dd` +
      '6000000000141140' +
      '20010db8'.padEnd(32, '1') +
      '20010db8'.padEnd(32, '2').padEnd(72, '0'),
    `ffffffffffff0000000000020806${'00'.repeat(46)}`,
    `0000000000000000000000020030ffff${'00'.repeat(60)}`,
  ].map((text) => Buffer.from(text, 'hex'))

  it.each([
    ['sched_cls', [...common, 44, 48, 68]],
    ['socket_filter', common],
    ['cgroup_skb', [...common, 88, 92, 96, 100, 112, 116, 128]],
  ])('%s: what BPF_PROG_TEST_RUN gives', async (type, fields) => {
    const attach = type === 'cgroup_skb' ? { attach_type: 'cgroup_inet_ingress' } : {}
    const masked = mix(fields).replace('exit', `${type === 'cgroup_skb' ? 'r0 &= 1\n' : ''}exit`)
    const { live, exports } = await both(specOf(type, masked, [], attach as Partial<Row>))
    for (const packet of packets) {
      const { retval } = live.program('test').testRun({ data: new Uint8Array(packet) })
      new Uint8Array(exports.memory.buffer, exports.skep_packet(), packet.length).set(packet)
      expect(exports.run_test(exports.context_test(packet.length)) >>> 0).toBe(retval)
    }
    expect(exports.context_test(65537)).toBe(0)
  })
})

describe('maps, clocks and random numbers', () => {
  const ring = specOf(
    'xdp',
    `r6 = *(u32 *)(r1 + 0)
r7 = *(u32 *)(r1 + 4)
r2 = r6
r2 += 14
if r2 > r7 goto +13
r1 = map 0 ll
r2 = 16
r3 = 0
call 131
if r0 == 0 goto +7
*(u64 *)(r0 + 0) = 7
r2 = *(u8 *)(r6 + 0)
*(u64 *)(r0 + 8) = r2
r1 = r0
r2 = 0
call 132
r0 = 0
r0 = 2
exit`,
    [{ name: 'ring', type: 'ringbuf', max_entries: 4096 }],
  )

  it('leaves records in a ring that is laid out as the guide says', async () => {
    const { exports } = await both(ring)
    const packet = new Uint8Array(exports.memory.buffer, exports.skep_packet(), 64)
    for (const first of [11, 22, 33]) {
      packet[0] = first
      expect(exports.run_test(exports.context_test(64))).toBe(2)
    }
    const at = exports.skep_map_data(0)
    const view = new DataView(exports.memory.buffer, at)
    const records: [bigint, bigint][] = []
    let position = view.getBigUint64(0, true)
    while (position < view.getBigUint64(4096, true)) {
      const record = 8192 + Number(position % 4096n)
      expect(view.getUint32(record, true)).toBe(16)
      records.push([view.getBigUint64(record + 8, true), view.getBigUint64(record + 16, true)])
      position += 8n + 16n
      view.setBigUint64(0, position, true)
    }
    expect(records).toEqual([
      [7n, 11n],
      [7n, 22n],
      [7n, 33n],
    ])
  })

  it('answers with the errnos of bpf(2)', async () => {
    const maps: Row['maps'] = [
      { name: 'hash', type: 'hash', key_size: 4, value_size: 8, max_entries: 1 },
      { name: 'fixed', type: 'array', key_size: 4, value_size: 8, max_entries: 1, frozen: true },
    ]
    const { exports } = await both(specOf('xdp', 'r0 = 2\nexit', maps))
    const key = exports.skep_alloc(4, 4)
    const value = exports.skep_alloc(8, 8)
    expect(exports.skep_map_update(0, key, value, 2n)).toBe(-2)
    expect(exports.skep_map_update(0, key, value, 0n)).toBe(0)
    expect(exports.skep_map_update(0, key, value, 1n)).toBe(-17)
    expect(exports.skep_map_lookup(0, key)).not.toBe(0)
    expect(exports.skep_map_delete(0, key)).toBe(0)
    expect(exports.skep_map_delete(0, key)).toBe(-2)
    expect(exports.skep_map_lookup(0, key)).toBe(0)
    expect(exports.skep_map_update(1, key, value, 0n)).toBe(-1)
    expect(exports.skep_map_update(2, key, value, 0n)).toBe(-9)
    expect(exports.skep_map_lookup(2, key)).toBe(0)
  })

  it('tells the time that was set, and begins random numbers anew', async () => {
    const clock = await both(specOf('xdp', 'call 5\nexit'))
    const run = ({ exports }: typeof clock): bigint => {
      exports.run_test(exports.context_test(64))
      return BigInt.asUintN(64, exports.skep_r0())
    }
    expect(run(clock)).toBe(1n)
    clock.exports.skep_time(0x1234_5678_9abcn)
    expect(run(clock)).toBe(0x1234_5678_9abcn)
    clock.exports.skep_time(0n)
    expect(run(clock)).toBe(1n)

    const random = await both(specOf('xdp', 'call 7\nexit'))
    const first = [run(random), run(random)]
    expect(first[0]).not.toBe(first[1])
    random.exports.skep_seed(9n)
    const second = [run(random), run(random)]
    random.exports.skep_seed(9n)
    expect([run(random), run(random)]).toEqual(second)
    expect(second).not.toEqual(first)
  })
})

describe('what needs a runtime', () => {
  const compile = (...args: Parameters<typeof specOf>): Promise<unknown> => compileObject(specOf(...args))

  it('is refused by name, with the place', async () => {
    await expect(compile('kprobe', 'call 14\nexit')).rejects.toMatchObject({
      code: 'NEEDS_RUNTIME',
      insn: 0,
      message: expect.stringContaining('test, insn 0: calls bpf_get_current_pid_tgid, which needs'),
    })
  })

  it('is refused when the runtime lacks it', async () => {
    await expect(compile('kprobe', 'call 35\nexit')).rejects.toMatchObject({
      code: 'NEEDS_RUNTIME',
      message: expect.stringContaining('test, insn 0: helper bpf_get_current_task'),
    })
  })

  it('never takes a program that the verifier refuses', async () => {
    await expect(compile('xdp', 'exit')).rejects.toMatchObject({ name: 'VerifierError' })
  })
})
