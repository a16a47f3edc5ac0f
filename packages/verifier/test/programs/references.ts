import type { Case } from '../case.ts'

const reserve = 'r1 = map ringbuf\nr2 = 16\nr3 = 0\ncall bpf_ringbuf_reserve#131'
const socket =
  'r6 = r1\n*(u64 *)(r10 - 8) = 0\n*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 24) = 0\n*(u64 *)(r10 - 32) = 0\n*(u64 *)(r10 - 40) = 0\nr2 = r10\nr2 += -40\nr3 = 12\nr4 = 0\nr5 = 0\ncall bpf_sk_lookup_tcp#84'

export const references: readonly Case[] = [
  {
    name: 'a record submitted',
    type: 'xdp',
    asm: `${reserve}\nif r0 == 0 goto out\n*(u64 *)(r0 + 8) = 1\nr1 = r0\nr2 = 0\ncall bpf_ringbuf_submit#132\nout:\nr0 = 2\nexit`,
  },
  {
    name: 'a record kept',
    type: 'xdp',
    asm: `${reserve}\nif r0 == 0 goto out\n*(u64 *)(r0 + 8) = 1\nout:\nr0 = 2\nexit`,
    reject: 'Unreleased reference id=2 alloc_insn=4',
    errno: 'EINVAL',
  },
  {
    name: 'a record submitted twice',
    type: 'xdp',
    asm: `${reserve}\nif r0 == 0 goto out\nr6 = r0\nr1 = r6\nr2 = 0\ncall bpf_ringbuf_submit#132\nr1 = r6\nr2 = 0\ncall bpf_ringbuf_submit#132\nout:\nr0 = 2\nexit`,
    reject: 'R1 type=scalar expected=ringbuf_mem',
  },
  {
    name: 'a record used after it was submitted',
    type: 'xdp',
    asm: `${reserve}\nif r0 == 0 goto out\nr6 = r0\nr1 = r6\nr2 = 0\ncall bpf_ringbuf_submit#132\nr0 = *(u64 *)(r6 + 0)\nout:\nr0 = 2\nexit`,
    reject: "R6 invalid mem access 'scalar'",
  },
  {
    name: 'beyond a record',
    type: 'xdp',
    asm: `${reserve}\nif r0 == 0 goto out\n*(u64 *)(r0 + 16) = 1\nr1 = r0\nr2 = 0\ncall bpf_ringbuf_submit#132\nout:\nr0 = 2\nexit`,
    reject: 'invalid access to memory, mem_size=16 off=16 size=8',
  },
  {
    name: 'a record at an offset',
    type: 'xdp',
    asm: `${reserve}\nif r0 == 0 goto out\nr0 += 8\nr1 = r0\nr2 = 0\ncall bpf_ringbuf_submit#132\nout:\nr0 = 2\nexit`,
    reject: 'R1 must have zero offset when passed to release func or trusted arg to kfunc',
    errno: 'EINVAL',
  },
  {
    name: 'a socket released',
    type: 'sched_cls',
    asm: `${socket}\nif r0 == 0 goto out\nr7 = *(u32 *)(r0 + 4)\nr1 = r0\ncall bpf_sk_release#86\nout:\nr0 = 0\nexit`,
  },
  {
    name: 'a socket kept',
    type: 'sched_cls',
    asm: `${socket}\nif r0 == 0 goto out\nout:\nr0 = 0\nexit`,
    reject: 'Unreleased reference id=2 alloc_insn=11',
    errno: 'EINVAL',
  },
  {
    name: 'a socket that may be null, released',
    type: 'sched_cls',
    asm: `${socket}\nr1 = r0\ncall bpf_sk_release#86\nr0 = 0\nexit`,
    reject: 'R1 type=sock_or_null expected=sock_common, sock, tcp_sock, xdp_sock, ptr_, trusted_ptr_',
  },
  {
    name: 'a socket kept over a tail call',
    type: 'sched_cls',
    asm: `${socket}\nif r0 == 0 goto out\nr1 = r6\nr2 = map programs\nr3 = 0\ncall bpf_tail_call#12\nout:\nr0 = 0\nexit`,
    reject: 'Unreleased reference id=2 alloc_insn=11',
    errno: 'EINVAL',
  },
  {
    name: 'a dynptr submitted',
    type: 'kprobe',
    asm: 'r1 = map ringbuf\nr2 = 16\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_ringbuf_reserve_dynptr#198\nr1 = r10\nr1 += -16\nr2 = 0\ncall bpf_ringbuf_submit_dynptr#199\nr0 = 0\nexit',
  },
  {
    name: 'a dynptr kept',
    type: 'kprobe',
    asm: 'r1 = map ringbuf\nr2 = 16\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_ringbuf_reserve_dynptr#198\nr0 = 0\nexit',
    reject: 'Unreleased reference id=2 alloc_insn=6',
    errno: 'EINVAL',
  },
  {
    name: 'a dynptr overwritten',
    type: 'kprobe',
    asm: 'r1 = map ringbuf\nr2 = 16\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_ringbuf_reserve_dynptr#198\n*(u64 *)(r10 - 8) = 0\nr0 = 0\nexit',
    reject: 'cannot overwrite referenced dynptr',
    errno: 'EINVAL',
  },
  {
    name: 'a slice of a dynptr',
    type: 'kprobe',
    asm: 'r1 = map ringbuf\nr2 = 16\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_ringbuf_reserve_dynptr#198\nr1 = r10\nr1 += -16\nr2 = 0\nr3 = 8\ncall bpf_dynptr_data#203\nif r0 == 0 goto out\n*(u64 *)(r0 + 0) = 1\nout:\nr1 = r10\nr1 += -16\nr2 = 0\ncall bpf_ringbuf_submit_dynptr#199\nr0 = 0\nexit',
  },
]
