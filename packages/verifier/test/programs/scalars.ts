import type { Case } from '../case.ts'

/** A number that nobody knows, in r6. */
const unknown = 'call bpf_get_prandom_u32#7\nr6 = r0'
/** Eight bytes of a map's value, in r9; ends the program without one. */
const value = `
  *(u64 *)(r10 - 8) = 0
  r2 = r10
  r2 += -8
  r1 = map hash
  call bpf_map_lookup_elem#1
  if r0 == 0 goto out
  r9 = r0`
const out = 'out:\nr0 = 0\nexit'

export const scalars: readonly Case[] = [
  { name: 'arithmetic of constants', asm: 'r0 = 7\nr0 *= 6\nr0 -= 2\nr0 /= 4\nr0 ^= 10\nw0 <<= 3\nexit' },
  { name: 'a register that was never written', asm: 'r0 = r6\nexit', reject: 'R6 !read_ok' },
  {
    name: 'division by the constant 0',
    asm: 'r0 = 1\nr0 /= 0\nexit',
    reject: 'div by zero',
    errno: 'EINVAL',
  },
  { name: 'a shift by 64', asm: 'r0 = 1\nr0 <<= 64\nexit', reject: 'invalid shift 64', errno: 'EINVAL' },
  {
    name: 'a shift of 32 bits by 32',
    asm: 'r0 = 1\nw0 <<= 32\nexit',
    reject: 'invalid shift 32',
    errno: 'EINVAL',
  },
  {
    name: 'byte swaps and signed loads',
    asm: 'r0 = 0x1234\nr0 = be16 r0\nr0 = bswap64 r0\nr0 = (s8)r0\nexit',
  },
  {
    name: 'a mask that bounds an offset',
    asm: `${value}\n${unknown}\nr6 &= 31\nr9 += r6\nr0 = *(u8 *)(r9 + 16)\n${out}`,
    type: 'xdp',
  },
  {
    name: 'a mask that bounds it too little',
    asm: `${value}\n${unknown}\nr6 &= 63\nr9 += r6\nr0 = *(u8 *)(r9 + 0)\n${out}`,
    type: 'xdp',
    reject: 'invalid access to map value, value_size=48 off=63 size=1',
  },
  {
    name: 'a comparison that bounds an offset',
    asm: `${value}\n${unknown}\nif r6 > 40 goto out\nr9 += r6\nr0 = *(u64 *)(r9 + 0)\n${out}`,
    type: 'xdp',
  },
  {
    name: 'a signed comparison leaves negative offsets',
    asm: `${value}\nr6 = *(u64 *)(r9 + 0)\nif r6 s> 40 goto out\nr9 += r6\nr0 = *(u64 *)(r9 + 0)\n${out}`,
    type: 'xdp',
    reject: 'math between map_value pointer and register with unbounded min value is not allowed',
    errno: 'EINVAL',
  },
  {
    name: 'a copy is bounded with its original',
    asm: `${value}\n${unknown}\nr7 = r6\nif r7 > 40 goto out\nr9 += r6\nr0 = *(u64 *)(r9 + 0)\n${out}`,
    type: 'xdp',
  },
  {
    name: 'a copy at a distance is bounded with its original',
    asm: `${value}\n${unknown}\nr7 = r6\nr7 += 8\nif r7 > 40 goto out\nif r7 < 8 goto out\nr9 += r6\nr0 = *(u64 *)(r9 + 0)\n${out}`,
    type: 'xdp',
  },
  {
    name: 'the sign of a number picks one of two constants',
    asm: `${value}\nr6 = *(u64 *)(r9 + 0)\nr6 s>>= 63\nr6 &= 8\nr9 += r6\nr0 = *(u64 *)(r9 + 0)\n${out}`,
    type: 'xdp',
  },
  {
    name: 'the same of 32 bits',
    asm: `${value}\nr6 = *(u64 *)(r9 + 0)\nw6 s>>= 31\nw6 |= 16\nif w6 s< 0 goto out\nr9 += r6\nr0 = *(u64 *)(r9 + 0)\n${out}`,
    type: 'xdp',
  },
  {
    name: 'bits that are set or not',
    asm: `${unknown}\nif r6 & 1 goto odd\nr6 &= 1\nif r6 == 0 goto even\nr0 = *(u64 *)(r6 + 0)\nexit\nodd:\nr0 = 1\nexit\neven:\nr0 = 0\nexit`,
  },
  {
    name: 'a remainder bounds nothing',
    asm: `${value}\n${unknown}\nr6 %= 41\nr9 += r6\nr0 = *(u64 *)(r9 + 0)\n${out}`,
    type: 'xdp',
    reject: 'math between map_value pointer and register with unbounded min value is not allowed',
    errno: 'EINVAL',
  },
  {
    name: '32-bit arithmetic clears the upper half',
    asm: `${value}\nr6 = *(u64 *)(r9 + 0)\nw6 = w6\nr6 >>= 28\nr9 += r6\nr0 = *(u64 *)(r9 + 16)\n${out}`,
    type: 'xdp',
  },
  {
    name: 'a constant apart from another register, and on a second path from one that is gone',
    flags: 8,
    asm: [
      'call bpf_get_prandom_u32#7',
      'r6 = r0',
      'r6 &= 127',
      'r9 = r6',
      'call bpf_get_prandom_u32#7',
      'r8 = r0',
      'r8 &= 127',
      'if r0 s> 5 goto +3',
      'r7 = r6',
      'r7 += 4',
      'goto +2',
      'r7 = r8',
      'r7 += 4',
      'if r6 > 10 goto +4',
      'r3 = r10',
      'r3 += -16',
      'r3 += r7',
      '*(u8 *)(r3 + 0) = 0',
      'r0 = 0',
      'exit',
    ].join('\n'),
    reject: 'invalid variable-offset write to stack R3 var_off=(0x0; 0xff) off=-16 size=1',
    errno: 'EINVAL',
  },
]
