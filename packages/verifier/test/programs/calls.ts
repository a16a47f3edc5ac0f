import type { Case } from '../case.ts'

export const calls: readonly Case[] = [
  {
    name: 'a helper that does not exist',
    asm: 'call 4000\nexit',
    reject: 'invalid func unknown#4000',
    errno: 'EINVAL',
  },
  {
    name: 'a helper of other program types',
    asm: 'call bpf_xdp_adjust_head#44\nexit',
    reject: 'program of this type cannot use helper bpf_xdp_adjust_head#44',
    errno: 'EINVAL',
  },
  {
    name: 'a GPL helper of another licence',
    type: 'kprobe',
    license: 'MIT',
    asm: 'r1 = r10\nr1 += -8\nr2 = 8\nr3 = 0\ncall bpf_probe_read_kernel#113\nr0 = 0\nexit',
    reject: 'cannot call GPL-restricted function from non-GPL compatible program',
    errno: 'EINVAL',
  },
  {
    name: 'registers lost by a call',
    asm: 'r2 = 5\ncall bpf_get_prandom_u32#7\nr0 = r2\nexit',
    reject: 'R2 !read_ok',
  },
  { name: 'registers kept by a call', asm: 'r6 = 5\ncall bpf_get_prandom_u32#7\nr0 = r6\nexit' },
  {
    name: 'memory of a known size',
    type: 'kprobe',
    asm: 'r1 = r10\nr1 += -16\nr2 = 16\ncall bpf_get_current_comm#16\nr0 = *(u64 *)(r10 - 8)\nr0 = 0\nexit',
  },
  {
    name: 'memory of size 0',
    type: 'kprobe',
    asm: 'r1 = r10\nr1 += -16\nr2 = 0\ncall bpf_get_current_comm#16\nr0 = 0\nexit',
    reject: 'R2 invalid zero-sized read: u64=[0,0]',
  },
  {
    name: 'memory larger than the stack',
    type: 'kprobe',
    asm: 'r1 = r10\nr1 += -16\nr2 = 17\ncall bpf_get_current_comm#16\nr0 = 0\nexit',
    reject: 'invalid write to stack R1 off=-16 size=17',
    errno: 'EINVAL',
  },
  {
    name: 'memory of an unknown size',
    type: 'kprobe',
    asm: 'r6 = r1\ncall bpf_ktime_get_ns#5\nr2 = r0\nr2 &= 15\nr2 += 1\nr1 = r10\nr1 += -16\ncall bpf_get_current_comm#16\nr0 = 0\nexit',
  },
  {
    name: 'memory of a negative size',
    type: 'kprobe',
    asm: 'r1 = r10\nr1 += -16\nr2 = -1\ncall bpf_get_current_comm#16\nr0 = 0\nexit',
    reject: "R2 min value is negative, either use unsigned or 'var &= const'",
  },
  {
    name: 'memory of no bounded size',
    type: 'kprobe',
    asm: 'call bpf_ktime_get_ns#5\nr2 = r0\nr2 >>= 2\nr2 += 1\nr1 = r10\nr1 += -16\ncall bpf_get_current_comm#16\nr0 = 0\nexit',
    reject: "R2 unbounded memory access, use 'var &= const' or 'if (var < const)'",
  },
  { name: 'a subprogram', asm: 'call local f\nexit\nf:\nr0 = 3\nexit' },
  {
    name: 'a subprogram that keeps r6 to r9',
    asm: 'r6 = 1\ncall local f\nr0 = r6\nexit\nf:\nr6 = 2\nr0 = 3\nexit',
  },
  { name: 'a subprogram without a result', asm: 'call local f\nexit\nf:\nexit', reject: 'R0 !read_ok' },
  {
    name: 'a subprogram that writes the caller’s stack',
    asm: 'r1 = r10\nr1 += -8\ncall local f\nr0 = *(u64 *)(r10 - 8)\nexit\nf:\n*(u64 *)(r1 + 0) = 7\nr0 = 0\nexit',
  },
  {
    name: 'a subprogram that returns its stack',
    asm: 'call local f\nexit\nf:\nr0 = r10\nexit',
    reject: 'cannot return stack pointer to the caller',
    errno: 'EINVAL',
  },
  {
    name: 'a subprogram that gives its stack away',
    asm: 'r1 = r10\nr1 += -8\ncall local f\nr1 = *(u64 *)(r10 - 8)\nr0 = *(u64 *)(r1 + 0)\nr0 = 0\nexit\nf:\n*(u64 *)(r1 + 0) = r10\nr0 = 0\nexit',
    reject: 'cannot spill pointers to stack into stack frame of the caller',
    errno: 'EINVAL',
  },
  {
    name: 'recursion',
    asm: 'call local f\nexit\nf:\ncall local f\nexit',
    reject: 'the call stack of 9 frames is too deep',
    errno: 'E2BIG',
  },
  {
    name: 'stacks that are too large together',
    asm: '*(u64 *)(r10 - 304) = 0\ncall local f\nexit\nf:\n*(u64 *)(r10 - 304) = 0\nr0 = 0\nexit',
    reject: 'combined stack size of 2 calls is 608. Too large',
  },
  {
    name: 'an unused subprogram',
    asm: 'r0 = 0\nexit\nf:\nr0 = 1\nexit',
    reject: 'unreachable insn 2',
    errno: 'EINVAL',
  },
  { name: 'a tail call', asm: 'r2 = map programs\nr3 = 1\ncall bpf_tail_call#12\nr0 = 0\nexit' },
  {
    name: 'a tail call through another map',
    asm: 'r2 = map array\nr3 = 1\ncall bpf_tail_call#12\nr0 = 0\nexit',
    reject: 'expected prog array map for tail call',
    errno: 'EINVAL',
  },
  {
    name: 'a tail call without the context',
    asm: 'r1 = 0\nr2 = map programs\nr3 = 1\ncall bpf_tail_call#12\nr0 = 0\nexit',
    reject: 'R1 type=scalar expected=ctx',
  },
  {
    name: 'a tail call in a subprogram without BTF',
    asm: 'call local f\nexit\nf:\nr2 = map programs\nr3 = 1\ncall bpf_tail_call#12\nr0 = 0\nexit',
    reject: 'tail_call is not allowed in subprogs without BTF',
    errno: 'EINVAL',
  },
]
