import type { Case } from '../case.ts'

export const context: readonly Case[] = [
  { name: 'a field', asm: 'r0 = *(u32 *)(r1 + 0)\nexit' },
  { name: 'part of a field', asm: 'r0 = *(u16 *)(r1 + 0)\nexit' },
  {
    name: 'across two fields',
    asm: 'r0 = *(u64 *)(r1 + 0)\nexit',
    reject: 'invalid bpf_context access off=0 size=8',
  },
  {
    name: 'a field of other program types',
    asm: 'r0 = *(u32 *)(r1 + 76)\nexit',
    reject: 'invalid bpf_context access off=76 size=4',
  },
  {
    name: 'beyond the end',
    asm: 'r0 = *(u32 *)(r1 + 4096)\nexit',
    reject: 'invalid bpf_context access off=4096 size=4',
  },
  {
    name: 'before the start',
    asm: 'r0 = *(u32 *)(r1 - 4)\nexit',
    reject: 'invalid bpf_context access off=-4 size=4',
  },
  { name: 'a store into a field', type: 'sched_cls', asm: 'r2 = 1\n*(u32 *)(r1 + 8) = r2\nr0 = 0\nexit' },
  {
    name: 'a store into a read-only field',
    type: 'sched_cls',
    asm: 'r2 = 1\n*(u32 *)(r1 + 0) = r2\nr0 = 0\nexit',
    reject: 'invalid bpf_context access off=0 size=4',
  },
  {
    name: 'a pointer stored into scratch space of the context',
    type: 'sched_cls',
    asm: '*(u64 *)(r1 + 48) = r10\nr0 = 0\nexit',
  },
  {
    name: 'an atomic addition to the context',
    type: 'sched_cls',
    asm: 'r2 = 1\nlock *(u32 *)(r1 + 8) += r2\nr0 = 0\nexit',
    reject: 'BPF_ATOMIC stores into R1 ctx is not allowed',
  },
  { name: 'registers of a probed function', type: 'kprobe', asm: 'r0 = *(u64 *)(r1 + 112)\nr0 = 0\nexit' },
  {
    name: 'registers of a probed function, misaligned',
    type: 'kprobe',
    asm: 'r0 = *(u64 *)(r1 + 4)\nr0 = 0\nexit',
    reject: 'invalid bpf_context access off=4 size=8',
  },
  {
    name: 'a return value outside its range',
    type: 'cgroup_skb',
    attach: 'cgroup_inet_ingress',
    asm: 'r0 = 2\nexit',
    reject: 'At program exit the register R0 has smin=2 smax=2 should have been in [0, 1]',
    errno: 'EINVAL',
  },
  {
    name: 'a return value inside another attach type’s range',
    type: 'cgroup_skb',
    attach: 'cgroup_inet_egress',
    asm: 'r0 = 2\nexit',
  },
  {
    name: 'the socket of a packet, checked',
    type: 'sched_cls',
    asm: 'r1 = *(u64 *)(r1 + 168)\nif r1 == 0 goto out\nr0 = *(u32 *)(r1 + 4)\nout:\nr0 = 0\nexit',
  },
  {
    name: 'the socket of a packet, unchecked',
    type: 'sched_cls',
    asm: 'r1 = *(u64 *)(r1 + 168)\nr0 = *(u32 *)(r1 + 4)\nr0 = 0\nexit',
    reject: "R1 invalid mem access 'sock_common_or_null'",
  },
]
