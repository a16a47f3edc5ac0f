import type { Seed } from '../seed.ts'
import { end } from './pieces.ts'

const hexOf = (text: string): string => Buffer.from(`${text}\0`, 'latin1').toString('hex')

/** Formats, right and wrong. */
const FORMATS: readonly string[] = [
  ...['%d', '%u %x', '%llu', '%li%lu', '%i', '%X', '%lx', '%lld %d', '%05d', '%-5d', '% d', '%12345u'],
  ...['%p', '%px', '%pK', '%ps', '%pS', '%pB', '%pi4', '%pI6', '%pI5', '%pi', '%pz', '%p4 ', '%p%p'],
  ...['%s', '%5s', '%ks', '%us', '%c', '%k', '%%', '%', '%z', '%l', '%lz', '%llz', '%d%', '%d%d%d'],
  ...['', 'plain', 'caf\u00e9', 'tab\tnew\n', 'bell\u0007', '%d\u0080', '%ks%us%c', '%pks', '%puS x'],
]

export const strings: readonly Seed[] = [
  {
    name: 'snprintf',
    type: 'kprobe',
    asm: `*(u64 *)(r10 - 16) = 1\n*(u64 *)(r10 - 8) = 0\nr1 = value globals+0\nr2 = 16\nr3 = value constants+16\nr4 = r10\nr4 += -16\nr5 = 16\ncall bpf_snprintf#165\n${end}`,
  },
  ...FORMATS.flatMap((text): Seed[] =>
    [0, 8, 16, 12].map((size) => ({
      name: `format ${JSON.stringify(text)} of ${size} bytes`,
      type: 'kprobe',
      asm: `*(u64 *)(r10 - 16) = 1\n*(u64 *)(r10 - 8) = 0\nr1 = value globals+0\nr2 = 16\nr3 = value text_${hexOf(text)}\nr4 = r10\nr4 += -16\nr5 = ${size}\ncall bpf_snprintf#165\n${end}`,
    })),
  ),
  {
    name: 'strncmp',
    type: 'kprobe',
    asm: `*(u64 *)(r10 - 8) = 0\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = value constants+16\ncall bpf_strncmp#182\n${end}`,
  },
  {
    name: 'strncmp of what is not constant',
    type: 'kprobe',
    asm: `*(u64 *)(r10 - 8) = 0\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = value globals+0\ncall bpf_strncmp#182\n${end}`,
  },
  {
    name: 'strtol',
    type: 'cgroup_sysctl',
    attach: 'cgroup_sysctl',
    asm: `*(u64 *)(r10 - 8) = 0\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_strtol#105\nr0 = *(u64 *)(r10 - 16)\nr0 = 1\nexit`,
  },
  {
    name: 'strtol, misaligned',
    type: 'cgroup_sysctl',
    attach: 'cgroup_sysctl',
    asm: `*(u64 *)(r10 - 8) = 0\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -20\ncall bpf_strtol#105\nr0 = 1\nexit`,
  },
]
