import type { Case } from '../case.ts'

const bounds = 'r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)'

export const packet: readonly Case[] = [
  {
    name: 'read inside the bounds',
    type: 'xdp',
    asm: `${bounds}\nr4 = r2\nr4 += 14\nif r4 > r3 goto out\nr0 = *(u8 *)(r2 + 13)\nout:\nr0 = 2\nexit`,
  },
  {
    name: 'read without a comparison',
    type: 'xdp',
    asm: `${bounds}\nr0 = *(u8 *)(r2 + 0)\nr0 = 2\nexit`,
    reject: 'invalid access to packet, off=0 size=1, R2(id=0,off=0,r=0)',
  },
  {
    name: 'one byte too far',
    type: 'xdp',
    asm: `${bounds}\nr4 = r2\nr4 += 14\nif r4 > r3 goto out\nr0 = *(u16 *)(r2 + 13)\nout:\nr0 = 2\nexit`,
    reject: 'invalid access to packet, off=13 size=2, R2(id=0,off=13,r=14)',
  },
  {
    name: 'the comparison the other way round',
    type: 'xdp',
    asm: `${bounds}\nr4 = r2\nr4 += 14\nif r3 >= r4 goto ok\nr0 = 1\nexit\nok:\nr0 = *(u8 *)(r2 + 0)\nr0 = 2\nexit`,
  },
  {
    name: 'on the wrong side',
    type: 'xdp',
    asm: `${bounds}\nr4 = r2\nr4 += 14\nif r4 > r3 goto bad\nr0 = 2\nexit\nbad:\nr0 = *(u8 *)(r2 + 0)\nr0 = 2\nexit`,
    reject: 'invalid access to packet, off=0 size=1, R2(id=0,off=0,r=0)',
  },
  {
    name: 'a length in a header',
    type: 'xdp',
    asm: `${bounds}\nr4 = r2\nr4 += 20\nif r4 > r3 goto out\nr5 = *(u8 *)(r2 + 0)\nr5 &= 15\nr5 <<= 2\nr2 += r5\nr4 = r2\nr4 += 8\nif r4 > r3 goto out\nr0 = *(u16 *)(r2 + 2)\nout:\nr0 = 2\nexit`,
  },
  {
    name: 'after a helper moved the packet',
    type: 'xdp',
    asm: `r6 = r1\n${bounds}\nr4 = r2\nr4 += 14\nif r4 > r3 goto out\nr7 = r2\nr1 = r6\nr2 = 4\ncall bpf_xdp_adjust_head#44\nr0 = *(u8 *)(r7 + 0)\nout:\nr0 = 2\nexit`,
    reject: "R7 invalid mem access 'scalar'",
  },
  {
    name: 'written',
    type: 'sched_cls',
    asm: 'r2 = *(u32 *)(r1 + 76)\nr3 = *(u32 *)(r1 + 80)\nr4 = r2\nr4 += 8\nif r4 > r3 goto out\n*(u8 *)(r2 + 0) = 0\nout:\nr0 = 0\nexit',
  },
  {
    name: 'written where it is read-only',
    type: 'cgroup_skb',
    attach: 'cgroup_inet_ingress',
    asm: 'r2 = *(u32 *)(r1 + 76)\nr3 = *(u32 *)(r1 + 80)\nr4 = r2\nr4 += 8\nif r4 > r3 goto out\n*(u8 *)(r2 + 0) = 0\nout:\nr0 = 0\nexit',
    reject: 'cannot write into packet',
  },
  { name: 'from classic BPF', asm: 'r6 = r1\nr0 = *(u16 *)skb[12]\nr1 = 4\nr0 = *(u8 *)skb[r1 + 2]\nexit' },
  {
    name: 'classic loads without the context in r6',
    asm: 'r7 = r1\nr6 = 0\nr0 = *(u16 *)skb[12]\nexit',
    reject: 'at the time of BPF_LD_ABS|IND R6 != pointer to skb',
    errno: 'EINVAL',
  },
  {
    name: 'metadata before the packet',
    type: 'xdp',
    asm: 'r2 = *(u32 *)(r1 + 8)\nr3 = *(u32 *)(r1 + 0)\nr4 = r2\nr4 += 4\nif r4 > r3 goto out\nr0 = *(u32 *)(r2 + 0)\nout:\nr0 = 2\nexit',
  },
]
