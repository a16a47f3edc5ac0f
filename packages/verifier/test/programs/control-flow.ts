import type { Case } from '../case.ts'

export const controlFlow: readonly Case[] = [
  { name: 'a constant', asm: 'r0 = 0\nexit' },
  { name: 'an exit without a result', asm: 'exit', reject: 'R0 !read_ok' },
  { name: 'no exit', asm: 'r0 = 0', reject: 'last insn is not an exit or jmp', errno: 'EINVAL' },
  {
    name: 'code that nothing reaches',
    asm: 'r0 = 0\nexit\nr0 = 1\nexit',
    reject: 'unreachable insn 2',
    errno: 'EINVAL',
  },
  {
    name: 'a jump beyond the end',
    asm: 'r0 = 0\nif r0 == 0 goto +5\nexit',
    reject: 'jump out of range from insn 1 to 7',
    errno: 'EINVAL',
  },
  {
    name: 'a jump before the start',
    asm: 'r0 = 0\ngoto -3\nexit',
    reject: 'jump out of range from insn 1 to -1',
    errno: 'EINVAL',
  },
  {
    name: 'a jump into an ld_imm64',
    asm: 'r0 = 0\nif r0 == 0 goto +1\nlddw r1, 1\nexit',
    reject: 'jump into the middle of ldimm64 insn 2',
    errno: 'EINVAL',
  },
  {
    name: 'an endless loop',
    asm: 'r0 = 0\ntop:\ngoto top',
    reject: 'infinite loop detected at insn 1',
    errno: 'EINVAL',
  },
  {
    name: 'both sides of a branch',
    asm: `
      r0 = *(u32 *)(r1 + 0)
      if r0 > 10 goto large
      r0 = 0
      exit
    large:
      r0 = 1
      exit`,
  },
  {
    name: 'a side that no value takes',
    asm: 'r0 = 1\nif r0 == 1 goto out\nr0 = *(u64 *)(r0 + 0)\nout:\nexit',
  },
  {
    name: 'a write to the frame pointer',
    asm: 'r10 = 1\nr0 = 0\nexit',
    reject: 'frame pointer is read only',
  },
]
