import type { Seed } from '../seed.ts'
import { end, random } from './pieces.ts'

export const dynptrs: readonly Seed[] = (
  [
    [
      'from memory',
      'r1 = value globals+0\nr2 = 64\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_dynptr_from_mem#197\nr1 = r10\nr1 += -24\nr2 = 8\nr3 = r10\nr3 += -16\nr4 = 0\nr5 = 0\ncall bpf_dynptr_read#201\nr0 = *(u64 *)(r10 - 24)',
    ],
    [
      'written',
      'r1 = value globals+0\nr2 = 64\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_dynptr_from_mem#197\n*(u64 *)(r10 - 24) = 7\nr1 = r10\nr1 += -16\nr2 = 0\nr3 = r10\nr3 += -24\nr4 = 8\nr5 = 0\ncall bpf_dynptr_write#202',
    ],
    [
      'sliced',
      'r1 = value globals+0\nr2 = 64\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_dynptr_from_mem#197\nr1 = r10\nr1 += -16\nr2 = 8\nr3 = 16\ncall bpf_dynptr_data#203\nif r0 == 0 goto no\n*(u64 *)(r0 + 8) = 1\nno:',
    ],
    [
      'sliced and overwritten',
      'r1 = value globals+0\nr2 = 64\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_dynptr_from_mem#197\nr1 = r10\nr1 += -16\nr2 = 8\nr3 = 16\ncall bpf_dynptr_data#203\nif r0 == 0 goto no\n*(u64 *)(r10 - 16) = 0\n*(u64 *)(r0 + 8) = 1\nno:',
    ],
    [
      'sliced by an unknown size',
      `${random}\nr7 = r0\nr1 = value globals+0\nr2 = 64\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_dynptr_from_mem#197\nr1 = r10\nr1 += -16\nr2 = 8\nr3 = r7\ncall bpf_dynptr_data#203`,
    ],
    [
      'read',
      'r1 = value globals+0\nr2 = 64\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_dynptr_from_mem#197\nr1 = *(u64 *)(r10 - 16)',
    ],
    [
      'at another slot',
      'r1 = value globals+0\nr2 = 64\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_dynptr_from_mem#197\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = 16\ncall bpf_dynptr_data#203',
    ],
    [
      'at an unaligned place',
      'r1 = value globals+0\nr2 = 64\nr3 = 0\nr4 = r10\nr4 += -12\ncall bpf_dynptr_from_mem#197',
    ],
    [
      'above the stack',
      'r1 = value globals+0\nr2 = 64\nr3 = 0\nr4 = r10\nr4 += -8\ncall bpf_dynptr_from_mem#197',
    ],
    [
      'from the stack',
      '*(u64 *)(r10 - 32) = 0\nr1 = r10\nr1 += -32\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_dynptr_from_mem#197',
    ],
    [
      'made twice',
      'r1 = value globals+0\nr2 = 64\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_dynptr_from_mem#197\nr1 = value globals+0\nr2 = 64\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_dynptr_from_mem#197',
    ],
    [
      'over a helper’s buffer',
      'r1 = value globals+0\nr2 = 64\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_dynptr_from_mem#197\nr1 = r10\nr1 += -24\nr2 = 16\ncall bpf_get_current_comm#16',
    ],
    [
      'reserved, discarded',
      'r1 = map ringbuf\nr2 = 16\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_ringbuf_reserve_dynptr#198\nr1 = r10\nr1 += -16\nr2 = 0\ncall bpf_ringbuf_discard_dynptr#200',
    ],
    [
      'reserved, passed on',
      'r1 = map ringbuf\nr2 = 16\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_ringbuf_reserve_dynptr#198\nr1 = r10\nr1 += -16\ncall sub\nr0 = 0\nexit\nsub:\nr6 = r1\nr2 = 0\ncall bpf_ringbuf_submit_dynptr#199\nr0 = 0\nexit',
    ],
    [
      'reserved twice',
      'r1 = map ringbuf\nr2 = 16\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_ringbuf_reserve_dynptr#198\nr1 = map ringbuf\nr2 = 16\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_ringbuf_reserve_dynptr#198',
    ],
    [
      'of two branches',
      `${random}\nr7 = r0\nr1 = map ringbuf\nr2 = 16\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_ringbuf_reserve_dynptr#198\nr1 = r10\nr1 += -16\nr2 = 0\nif r7 > 3 goto other\ncall bpf_ringbuf_submit_dynptr#199\ngoto no\nother:\ncall bpf_ringbuf_discard_dynptr#200\nno:`,
    ],
  ] as const
).map(([name, body]) => ({ name: `dynptr ${name}`, type: 'kprobe', asm: `r6 = r1\n${body}\n${end}` }))
