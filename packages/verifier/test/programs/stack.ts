import type { Case } from '../case.ts'

export const stack: readonly Case[] = [
  {
    name: 'spilled and filled',
    asm: '*(u64 *)(r10 - 8) = r1\nr1 = *(u64 *)(r10 - 8)\nr0 = *(u32 *)(r1 + 0)\nexit',
  },
  {
    name: 'a constant spilled in 32 bits',
    asm: 'r2 = 5\n*(u32 *)(r10 - 8) = r2\nr3 = *(u32 *)(r10 - 8)\nif r3 == 5 goto out\nr0 = *(u64 *)(r3 + 0)\nout:\nr0 = 0\nexit',
  },
  {
    name: 'below the stack',
    asm: '*(u64 *)(r10 - 520) = 0\nr0 = 0\nexit',
    reject: 'invalid write to stack R10 off=-520 size=8',
  },
  {
    name: 'above the stack',
    asm: '*(u64 *)(r10 + 0) = 0\nr0 = 0\nexit',
    reject: 'invalid write to stack R10 off=0 size=8',
  },
  {
    name: 'misaligned',
    asm: '*(u64 *)(r10 - 12) = 0\nr0 = 0\nexit',
    reject: 'misaligned stack access off 0+0+-12 size 8',
  },
  { name: 'read before it was written', asm: 'r0 = *(u64 *)(r10 - 8)\nr0 = 0\nexit' },
  {
    name: 'read by a helper before it was written',
    asm: 'r2 = r10\nr2 += -8\nr1 = map hash\ncall bpf_map_lookup_elem#1\nr0 = 0\nexit',
  },
  {
    name: 'part of a spilled pointer',
    asm: '*(u64 *)(r10 - 8) = r1\nr0 = *(u32 *)(r10 - 8)\nr0 = 0\nexit',
    reject: 'invalid size of register fill',
  },
  {
    name: 'part of a pointer overwritten',
    asm: '*(u64 *)(r10 - 8) = r1\n*(u8 *)(r10 - 5) = 0\nr1 = *(u64 *)(r10 - 8)\nr0 = *(u32 *)(r1 + 0)\nexit',
    reject: "R1 invalid mem access 'scalar'",
  },
  {
    name: 'an unknown offset, written',
    asm: 'call bpf_get_prandom_u32#7\nr0 &= 8\nr2 = r10\nr2 += -16\nr2 += r0\n*(u64 *)(r2 + 0) = 1\nr0 = 0\nexit',
  },
  {
    name: 'an unknown offset beyond the stack',
    asm: 'call bpf_get_prandom_u32#7\nr0 &= 1023\nr2 = r10\nr2 += -512\nr2 += r0\nr0 = *(u8 *)(r2 + 0)\nr0 = 0\nexit',
    reject: 'invalid variable-offset read from stack R2 var_off=(0x0; 0x3ff) off=-512 size=1',
    errno: 'EINVAL',
  },
  {
    name: 'zeros read in another width',
    asm: '*(u64 *)(r10 - 8) = 0\nr2 = *(u16 *)(r10 - 6)\nif r2 == 0 goto out\nr0 = *(u64 *)(r2 + 0)\nout:\nr0 = 0\nexit',
  },
  {
    name: 'a large frame',
    asm: '*(u64 *)(r10 - 512) = 0\nr0 = *(u64 *)(r10 - 512)\nexit',
  },
]
