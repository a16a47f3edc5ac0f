import type { Case } from '../case.ts'

/** Found by the differential run against the kernel (apps/diff). */
export const differential: readonly Case[] = [
  {
    name: 'a value of a devmap, written',
    type: 'xdp',
    asm: `
      *(u32 *)(r10 - 4) = 0
      r2 = r10
      r2 += -4
      r1 = map devmap
      call bpf_map_lookup_elem#1
      if r0 == 0 goto out
      *(u32 *)(r0 + 0) = 1
      out:
      r0 = 2
      exit`,
    reject: 'write into map forbidden, value_size=4 off=0 size=4',
  },
  {
    name: 'the address of the function that is traced, asked for by a tracepoint',
    type: 'tracepoint',
    asm: 'call bpf_get_func_ip#173\nr0 = 0\nexit',
    errno: 'ENOTSUPP',
    reject: 'func bpf_get_func_ip#173 not supported for program type 5',
  },
  {
    name: 'a speculative path ends at a store over part of a spilled number',
    unprivileged: true,
    asm: `
      *(u64 *)(r10 - 8) = 1
      r9 = 1
      *(u32 *)(r10 - 8) = r9
      w1 = 32768
      if r1 > 1 goto out
      *(u32 *)(r10 - 8) = r9
      out:
      r0 = 1
      exit`,
  },
  {
    name: 'the sequence of paths that may_goto leaves behind',
    type: 'xdp',
    asm: `
      r7 = 0
      top:
      may_goto +0
      r7 += 1
      if r7 != 9000 goto top
      r0 = 1
      exit`,
    errno: 'ENOMEM',
    reject: 'The sequence of 8193 jumps is too complex.',
  },
  {
    name: 'a number spilled, and another written where it may be',
    type: 'xdp',
    asm: `
      call bpf_get_prandom_u32#7
      r0 &= 24
      r2 = r10
      r2 += -32
      r2 += r0
      *(u64 *)(r10 - 8) = 4
      *(u64 *)(r10 - 16) = 4
      *(u64 *)(r10 - 24) = 4
      *(u64 *)(r10 - 32) = 4
      *(u8 *)(r2 + 0) = 1
      r3 = *(u32 *)(r10 - 8)
      r0 = 0
      exit`,
  },
  ...Object.entries({
    'a mask': 'r7 &= 5',
    'a sign extension': 'r7 = (s8)r7',
    'a product': 'w7 *= 14\nr7 &= 5',
    'a negation': 'r7 = -r7\nr7 &= 7',
    'a load of its low byte': '*(u64 *)(r10 - 8) = r7\nr7 = *(u8 *)(r10 - 8)',
  }).map(
    ([how, change]): Case => ({
      name: `${how} makes a distant copy a number of its own, which moves a packet pointer`,
      type: 'xdp',
      asm: `r9 = *(u32 *)(r1 + 0)\ncall bpf_ktime_get_ns#5\nr7 = r0\nr7 += -1001888790\n${change}\nr9 -= r7\nr0 = 0\nexit`,
    }),
  ),
]
