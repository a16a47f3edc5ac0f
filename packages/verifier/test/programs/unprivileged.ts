import type { Case } from '../case.ts'

/** Loaders without CAP_PERFMON: no pointers in their hands, and nothing that speculation could leak. */
const unprivilegedCases: readonly Case[] = [
  { name: 'a constant', asm: 'r0 = 0\nexit' },
  { name: 'a pointer as the result', asm: 'r0 = r10\nexit', reject: 'R0 leaks addr as return value' },
  {
    name: 'a pointer compared',
    asm: 'if r1 == r10 goto out\nout:\nr0 = 0\nexit',
    reject: 'R10 pointer comparison prohibited',
  },
  { name: 'a pointer cut', asm: 'w2 = w10\nr0 = 0\nexit', reject: 'R10 partial copy of pointer' },
  {
    name: 'pointers subtracted',
    asm: 'r2 = r10\nr2 -= r10\nr0 = 0\nexit',
    reject: 'R2 pointer -= pointer prohibited',
  },
  {
    name: 'the stack read before it was written',
    asm: 'r0 = *(u64 *)(r10 - 8)\nr0 = 0\nexit',
    reject: 'invalid read from stack R10 off=-8 size=8',
  },
  {
    name: 'the stack at an unknown offset',
    asm: 'call bpf_get_prandom_u32#7\nr0 &= 8\nr2 = r10\nr2 += -16\nr2 += r0\n*(u64 *)(r2 + 0) = 1\nr0 = 0\nexit',
    reject: 'R2 variable stack access prohibited for !root, var_off=(0x0; 0x8) off=-16',
  },
  {
    name: 'a counted loop',
    asm: 'r0 = 0\ntop:\nr0 += 1\nif r0 < 10 goto top\nexit',
    reject: 'infinite loop detected at insn 1',
    errno: 'EINVAL',
  },
  {
    name: 'a map value at an unknown offset',
    asm: '*(u64 *)(r10 - 8) = 0\nr2 = r10\nr2 += -8\nr1 = map hash\ncall bpf_map_lookup_elem#1\nif r0 == 0 goto out\nr1 = *(u64 *)(r0 + 0)\nif r1 > 40 goto out\nr0 += r1\nr0 = *(u8 *)(r0 + 0)\nout:\nr0 = 0\nexit',
  },
]

export const unprivileged: readonly Case[] = unprivilegedCases.map((test) => ({
  ...test,
  unprivileged: true,
}))
