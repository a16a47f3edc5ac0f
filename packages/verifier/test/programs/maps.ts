import type { Case } from '../case.ts'

const lookup = (map: string, size: 4 | 8): string =>
  `*(u${size * 8} *)(r10 - 8) = 0\nr2 = r10\nr2 += -8\nr1 = map ${map}\ncall bpf_map_lookup_elem#1`

export const maps: readonly Case[] = [
  {
    name: 'a value, checked',
    asm: `${lookup('hash', 8)}\nif r0 == 0 goto out\nr0 = *(u64 *)(r0 + 40)\nout:\nr0 = 0\nexit`,
  },
  {
    name: 'a value, unchecked',
    asm: `${lookup('hash', 8)}\nr0 = *(u64 *)(r0 + 0)\nr0 = 0\nexit`,
    reject: "R0 invalid mem access 'map_value_or_null'",
  },
  {
    name: 'the value that was found null',
    asm: `${lookup('hash', 8)}\nif r0 != 0 goto out\nr0 = *(u64 *)(r0 + 0)\nout:\nr0 = 0\nexit`,
    reject: "R0 invalid mem access 'scalar'",
  },
  {
    name: 'a copy of a checked value',
    asm: `${lookup('hash', 8)}\nr7 = r0\nif r0 == 0 goto out\nr0 = *(u64 *)(r7 + 0)\nout:\nr0 = 0\nexit`,
  },
  {
    name: 'a spilled copy of a checked value',
    asm: `${lookup('hash', 8)}\n*(u64 *)(r10 - 16) = r0\nif r0 == 0 goto out\nr7 = *(u64 *)(r10 - 16)\nr0 = *(u64 *)(r7 + 0)\nout:\nr0 = 0\nexit`,
  },
  {
    name: 'beyond a value',
    asm: `${lookup('hash', 8)}\nif r0 == 0 goto out\nr0 = *(u64 *)(r0 + 48)\nout:\nr0 = 0\nexit`,
    reject: 'invalid access to map value, value_size=48 off=48 size=8',
  },
  {
    name: 'before a value',
    asm: `${lookup('hash', 8)}\nif r0 == 0 goto out\nr0 = *(u64 *)(r0 - 8)\nout:\nr0 = 0\nexit`,
    reject: 'invalid access to map value, value_size=48 off=-8 size=8',
  },
  {
    name: 'a constant key of an array',
    asm: `r1 = 3\n*(u32 *)(r10 - 8) = r1\nr2 = r10\nr2 += -8\nr1 = map array\ncall bpf_map_lookup_elem#1\nr0 = *(u64 *)(r0 + 8)\nr0 = 0\nexit`,
  },
  {
    name: 'a constant key beyond an array',
    asm: `*(u32 *)(r10 - 4) = 4\nr2 = r10\nr2 += -4\nr1 = map array\ncall bpf_map_lookup_elem#1\nr0 = *(u64 *)(r0 + 8)\nr0 = 0\nexit`,
    reject: "R0 invalid mem access 'map_value_or_null'",
  },
  { name: 'globals', asm: 'r1 = value globals+8\nr0 = *(u64 *)(r1 + 0)\n*(u32 *)(r1 + 4) = 7\nr0 = 0\nexit' },
  {
    name: 'globals, beyond',
    asm: 'r1 = value globals+8\nr0 = *(u64 *)(r1 + 8)\nr0 = 0\nexit',
    reject: 'invalid access to map value, value_size=16 off=16 size=8',
  },
  {
    name: 'constants decide branches',
    asm: 'r1 = value constants+0\nr2 = *(u64 *)(r1 + 0)\nif r2 == 42 goto out\nr0 = *(u64 *)(r2 + 0)\nout:\nr0 = 0\nexit',
  },
  {
    name: 'constants are not written',
    asm: 'r1 = value constants+0\n*(u64 *)(r1 + 0) = 1\nr0 = 0\nexit',
    reject: 'write into map forbidden, value_size=16 off=0 size=8',
  },
  {
    name: 'an update',
    asm: '*(u64 *)(r10 - 8) = 1\nr2 = r10\nr2 += -8\n*(u64 *)(r10 - 56) = 0\n*(u64 *)(r10 - 48) = 0\n*(u64 *)(r10 - 40) = 0\n*(u64 *)(r10 - 32) = 0\n*(u64 *)(r10 - 24) = 0\n*(u64 *)(r10 - 16) = 0\nr3 = r10\nr3 += -56\nr4 = 0\nr1 = map hash\ncall bpf_map_update_elem#2\nr0 = 0\nexit',
  },
  {
    name: 'a key that reaches above the stack',
    asm: '*(u32 *)(r10 - 4) = 1\nr2 = r10\nr2 += -4\nr1 = map hash\ncall bpf_map_lookup_elem#1\nr0 = 0\nexit',
    reject: 'invalid read from stack R2 off=-4 size=8',
    errno: 'EINVAL',
  },
  {
    name: 'no map',
    asm: 'r2 = r10\nr2 += -8\n*(u64 *)(r10 - 8) = 0\nr1 = 0\ncall bpf_map_lookup_elem#1\nr0 = 0\nexit',
    reject: 'R1 type=scalar expected=map_ptr',
  },
  {
    name: 'a map that takes no lookups',
    asm: `r2 = r10\nr2 += -8\n*(u64 *)(r10 - 8) = 0\nr1 = map ringbuf\ncall bpf_map_lookup_elem#1\nr0 = 0\nexit`,
    reject: 'invalid zero-sized read',
  },
  {
    name: 'a helper for other maps',
    type: 'xdp',
    asm: 'r1 = map array\nr2 = 0\nr3 = 0\ncall bpf_redirect_map#51\nexit',
    reject: 'cannot pass map_type 2 into func bpf_redirect_map#51',
    errno: 'EINVAL',
  },
  { name: 'a redirect', type: 'xdp', asm: 'r1 = map devmap\nr2 = 0\nr3 = 0\ncall bpf_redirect_map#51\nexit' },
  {
    name: 'a map in a map',
    asm: '*(u32 *)(r10 - 4) = 0\nr2 = r10\nr2 += -4\nr1 = map outer\ncall bpf_map_lookup_elem#1\nif r0 == 0 goto out\nr2 = r10\nr2 += -4\nr1 = r0\ncall bpf_map_lookup_elem#1\nif r0 == 0 goto out\nr0 = *(u64 *)(r0 + 0)\nout:\nr0 = 0\nexit',
  },
  {
    name: 'a map in a map, unchecked',
    asm: '*(u32 *)(r10 - 4) = 0\nr2 = r10\nr2 += -4\nr1 = map outer\ncall bpf_map_lookup_elem#1\nr2 = r10\nr2 += -4\nr1 = r0\ncall bpf_map_lookup_elem#1\nr0 = 0\nexit',
    reject: 'R1 type=map_value_or_null expected=map_ptr',
  },
  {
    name: 'a queue',
    asm: 'r2 = r10\nr2 += -8\nr1 = map queue\ncall bpf_map_pop_elem#88\nif r0 != 0 goto out\nr0 = *(u64 *)(r10 - 8)\nout:\nr0 = 0\nexit',
  },
  {
    name: 'an atomic addition',
    asm: `${lookup('hash', 8)}\nif r0 == 0 goto out\nr1 = 1\nlock *(u64 *)(r0 + 8) += r1\nr1 = atomic_fetch_add((u64 *)(r0 + 16), r1)\nout:\nr0 = 0\nexit`,
  },
  {
    name: 'a pointer leaked into a map by a privileged loader',
    asm: `${lookup('hash', 8)}\nif r0 == 0 goto out\n*(u64 *)(r0 + 0) = r10\nout:\nr0 = 0\nexit`,
  },
]
