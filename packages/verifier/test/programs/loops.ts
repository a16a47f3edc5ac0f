import type { Case } from '../case.ts'

export const loops: readonly Case[] = [
  { name: 'a counted loop', asm: 'r0 = 0\ntop:\nr0 += 1\nif r0 < 10 goto top\nexit' },
  {
    name: 'a loop over an unknown count',
    asm: 'call bpf_get_prandom_u32#7\nr0 &= 31\nr1 = 0\ntop:\nr1 += 1\nif r1 < r0 goto top\nr0 = 0\nexit',
  },
  {
    name: 'a loop over the stack',
    asm: 'r1 = 0\nr2 = r10\nr2 += -16\ntop:\n*(u8 *)(r2 + 0) = 0\nr2 += 1\nr1 += 1\nif r1 != 16 goto top\nr0 = *(u64 *)(r10 - 16)\nexit',
  },
  {
    name: 'a loop that leaves the stack',
    asm: 'r1 = 0\nr2 = r10\nr2 += -16\ntop:\n*(u8 *)(r2 + 0) = 0\nr2 += 1\nr1 += 1\nif r1 != 17 goto top\nr0 = 0\nexit',
    reject: 'invalid write to stack R2 off=0 size=1',
  },
  {
    name: 'a loop that cannot be seen to end',
    asm: 'r0 = 0\ntop:\nr1 = 1\nif r1 == 1 goto top\nexit',
    reject: 'infinite loop detected at insn 1',
    errno: 'EINVAL',
  },
  {
    name: 'nested loops',
    asm: 'r6 = 0\nouter:\nr7 = 0\ninner:\nr7 += 1\nif r7 < 5 goto inner\nr6 += 1\nif r6 < 5 goto outer\nr0 = 0\nexit',
  },
  {
    name: 'may_goto ends any loop',
    asm: 'r0 = 0\ntop:\nmay_goto out\nr0 += 1\ngoto top\nout:\nr0 = 0\nexit',
  },
  {
    name: 'may_goto and an access that grows',
    asm: 'r1 = r10\nr1 += -512\ntop:\nmay_goto out\n*(u8 *)(r1 + 0) = 0\nr1 += 1\ngoto top\nout:\nr0 = 0\nexit',
    reject: 'invalid write to stack R1 off=0 size=1',
  },
  {
    name: 'a branch in a loop',
    asm: 'r6 = 0\nr7 = 0\ntop:\ncall bpf_get_prandom_u32#7\nif r0 > 5 goto skip\nr7 += 1\nskip:\nr6 += 1\nif r6 < 8 goto top\nr0 = r7\nexit',
  },
]
