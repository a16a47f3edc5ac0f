import type { Case } from '../case.ts'

export const pointers: readonly Case[] = [
  { name: 'a pointer as the result', asm: 'r0 = r10\nexit', type: 'xdp' },
  {
    name: 'two pointers added',
    asm: 'r1 += r10\nr0 = 0\nexit',
    reject: 'R1 pointer += pointer prohibited',
  },
  { name: 'two pointers subtracted', asm: 'r2 = r10\nr2 -= r10\nr0 = 0\nexit' },
  {
    name: 'a pointer shifted',
    asm: 'r2 = r10\nr2 <<= 2\nr0 = 0\nexit',
    reject: 'R2 pointer arithmetic with <<= operator prohibited',
  },
  {
    name: 'a pointer of 32 bits',
    asm: 'r2 = r10\nw2 += 1\nr0 = 0\nexit',
    reject: 'R2 32-bit pointer arithmetic prohibited',
  },
  {
    name: 'a number used as a pointer',
    asm: 'r2 = 4096\nr0 = *(u64 *)(r2 + 0)\nexit',
    reject: "R2 invalid mem access 'scalar'",
  },
  {
    name: 'arithmetic on a context pointer, then a load',
    asm: 'r1 += 4\nr0 = *(u32 *)(r1 + 0)\nexit',
    reject: 'dereference of modified ctx ptr R1 off=4 disallowed',
  },
  {
    name: 'an unknown offset of the context',
    asm: 'r6 = r1\ncall bpf_get_prandom_u32#7\nr0 &= 4\nr6 += r0\nr0 = *(u32 *)(r6 + 0)\nexit',
    reject: 'variable ctx access var_off=(0x0; 0x4) disallowed',
  },
  {
    name: 'an offset that is too large',
    asm: 'r2 = r10\nr2 += 536870912\nr0 = 0\nexit',
    reject: 'math between fp pointer and 536870912 is not allowed',
    errno: 'EINVAL',
  },
  {
    name: 'arithmetic on a value that is always found',
    asm: '*(u32 *)(r10 - 4) = 0\nr2 = r10\nr2 += -4\nr1 = map array\ncall bpf_map_lookup_elem#1\nr0 += 8\nr0 = 0\nexit',
  },
  {
    name: 'arithmetic on a pointer that may be null',
    asm: '*(u64 *)(r10 - 8) = 0\nr2 = r10\nr2 += -8\nr1 = map hash\ncall bpf_map_lookup_elem#1\nr0 += 8\nr0 = 0\nexit',
    reject: 'R0 pointer arithmetic on map_value_or_null prohibited, null-check it first',
  },
  {
    name: 'arithmetic on a map',
    asm: 'r1 = map hash\nr1 += 8\nr0 = 0\nexit',
    reject: 'R1 pointer arithmetic on map_ptr prohibited',
  },
  { name: 'a pointer negated', asm: 'r2 = r10\nr2 = -r2\nr0 = 0\nexit' },
]
