import { control } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { Bench, bareContext, type Fault, packetContext } from '../test/harness.ts'

const bytes = Uint8Array.from({ length: 40 }, (_, n) => n + 0x81)

describe.each([
  ['plain', false],
  ['checked', true],
])('ld_abs and ld_ind in %s code', (_, checked) => {
  const load = async (source: string, length = bytes.length): Promise<bigint | Fault> => {
    const bench = await Bench.create()
    const context = bench.packet(bytes.subarray(0, length))
    return bench.eval(`r6 = r1\n${source}`, { checked, context: packetContext }, context)
  }

  it('load in network byte order, zero-extended', async () => {
    expect(await load('r0 = *(u8 *)skb[3]\nexit')).toBe(0x84n)
    expect(await load('r0 = *(u16 *)skb[3]\nexit')).toBe(0x8485n)
    expect(await load('r0 = *(u32 *)skb[3]\nexit')).toBe(0x84858687n)
    expect(await load('r7 = 5\nr0 = *(u8 *)skb[r7]\nexit')).toBe(0x86n)
    expect(await load('r7 = 5\nr0 = *(u16 *)skb[r7 + 2]\nexit')).toBe(0x8889n)
    expect(await load('r7 = 5\nr0 = *(u32 *)skb[r7 - 5]\nexit')).toBe(0x81828384n)
    expect(await load('r7 = 0x100000005 ll\nr0 = *(u8 *)skb[r7]\nexit')).toBe(0x86n)
  })

  it('end the function with 0 past the end', async () => {
    for (const [size, width] of [
      ['u8', 1],
      ['u16', 2],
      ['u32', 4],
    ] as const) {
      expect(await load(`r0 = *(${size} *)skb[${12 - width}]\nr0 = 7\nexit`, 12)).toBe(7n)
      expect(await load(`r0 = *(${size} *)skb[${13 - width}]\nr0 = 7\nexit`, 12)).toBe(0n)
      expect(await load(`r0 = *(${size} *)skb[0x7fffffff]\nr0 = 7\nexit`, 12)).toBe(0n)
      expect(await load(`r7 = -1\nr0 = *(${size} *)skb[r7 + 0]\nr0 = 7\nexit`, 12)).toBe(0n)
    }
    const inSubprogram = 'r1 = r6\ncall f\nr0 += 3\nexit\nf:\nr6 = r1\nr0 = *(u8 *)skb[200]\nr0 = 7\nexit'
    expect(await load(inSubprogram)).toBe(3n)
  })

  it('count from the headers with negative offsets', async () => {
    const [SKF_NET_OFF, SKF_LL_OFF, SKF_AD_OFF] = [-0x100000, -0x200000, -0x1000]
    expect(await load(`r0 = *(u8 *)skb[${SKF_LL_OFF + 2}]\nexit`)).toBe(0x83n)
    expect(await load(`r0 = *(u16 *)skb[${SKF_NET_OFF + 1}]\nexit`)).toBe(0x9091n)
    expect(await load(`r7 = ${SKF_NET_OFF}\nr0 = *(u8 *)skb[r7 + 3]\nexit`)).toBe(0x92n)
    // eBPF has no ancillary loads: these offsets are far past the end.
    expect(await load(`r0 = *(u8 *)skb[${SKF_AD_OFF}]\nr0 = 7\nexit`)).toBe(0n)
    expect(await load(`r0 = *(u8 *)skb[${SKF_LL_OFF - 1}]\nr0 = 7\nexit`)).toBe(0n)
    expect(await load('r0 = *(u8 *)skb[-2147483648]\nr0 = 7\nexit')).toBe(0n)
  })

  it('need a context with a packet', async () => {
    const bench = await Bench.create()
    const eval_ = bench.eval('r6 = r1\nr0 = *(u8 *)skb[0]\nexit', { checked, context: bareContext(8) })
    if (checked) expect(await eval_).toMatchObject({ code: control.FAULT_ILLEGAL, pc: 1 })
    else await expect(eval_).rejects.toMatchObject({ code: 'BAD_PROGRAM', insn: 1 })
  })
})
