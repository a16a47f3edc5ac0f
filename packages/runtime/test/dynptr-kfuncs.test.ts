import { type Kernel, openKernel } from '@skep/linux'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { engines } from './hostile-tools.ts'
import { missing, type RunInput, runHere, runThere } from './kfunc-calls.ts'

// Dynptrs over packets and memory, and iterators over bits: results and packets on both engines and in the kernel.

/** Several results in one number. */
const keep = 'r8 *= 131\nr0 <<= 32\nr0 >>= 32\nr8 += r0'
const dynptr = 'r1 = r10\nr1 += -16'
const second = 'r1 = r10\nr1 += -32'
const buffer = `*(u64 *)(r10 - 40) = 0
*(u64 *)(r10 - 48) = 0x01020304`

/** A dynptr over the packet at fp-16, the context in r9, what was kept in r8. */
const over = (from: string, flags: number, body: string, end = ''): string => `r9 = r1
r8 = 0
${buffer}
r2 = ${flags}
r3 = r10
r3 += -16
kcall ${from}
${keep}
${body}
r0 = r8
${end}
exit`

const adjust = (start: number, end: number): string =>
  `${dynptr}\nr2 = ${start}\nr3 = ${end}\nkcall bpf_dynptr_adjust\n${keep}`
const facts = (of: string): string =>
  [
    `${of}\nkcall bpf_dynptr_size\n${keep}`,
    // Of a bool's register one byte is defined.
    ...['bpf_dynptr_is_null', 'bpf_dynptr_is_rdonly'].map((f) => `${of}\nkcall ${f}\nr0 &= 255\n${keep}`),
  ].join('\n')
const read = (offset: number, length = 4): string =>
  `r1 = r10\nr1 += -48\nr2 = ${length}\nr3 = r10\nr3 += -16\nr4 = ${offset}\nr5 = 0\ncall 201\n${keep}\nr0 = *(u64 *)(r10 - 48)\n${keep}`
const write = (offset: number, length = 4, flags = 0): string =>
  `${dynptr}\nr2 = ${offset}\nr3 = r10\nr3 += -48\nr4 = ${length}\nr5 = ${flags}\ncall 202\n${keep}`
let labels = 0
const slice = (offset: number, writes: boolean): string => {
  const label = `none${labels++}`
  return `${dynptr}\nr2 = ${offset}\nr3 = r10\nr3 += -40\nr4 = 4
kcall ${writes ? 'bpf_dynptr_slice_rdwr' : 'bpf_dynptr_slice'}
if r0 == 0 goto ${label}
${writes ? '*(u8 *)(r0 + 1) = 77\n' : ''}r0 = *(u32 *)(r0 + 0)
${keep}
${label}:
r8 += 1`
}
const data = (offset: number): string => {
  const label = `none${labels++}`
  return `${dynptr}\nr2 = ${offset}\nr3 = 4\ncall 203\nif r0 == 0 goto ${label}\nr0 = *(u32 *)(r0 + 0)\n${keep}\n${label}:\nr8 += 1`
}
const memset = (offset: number, size: number): string =>
  `${dynptr}\nr2 = ${offset}\nr3 = ${size}\nr4 = 0x1ab\nkcall bpf_dynptr_memset\n${keep}`
const clone = `${dynptr}\nr2 = r10\nr2 += -32\nkcall bpf_dynptr_clone\n${keep}`
const copy = (to: number, from: number, size: number): string =>
  `${second}\nr2 = ${to}\nr3 = r10\nr3 += -16\nr4 = ${from}\nr5 = ${size}\nkcall bpf_dynptr_copy\n${keep}`
const probe = (name: string, offset: number, size: number, pointer: string): string =>
  `${dynptr}\nr2 = ${offset}\nr3 = ${size}\nr4 = ${pointer}\nkcall ${name}\n${keep}`

const reads = [
  facts(dynptr),
  read(0),
  read(12, 8),
  read(60),
  read(61),
  slice(0, false),
  slice(14, false),
  slice(61, false),
]
const slices = [slice(20, true), slice(62, true)]
const writes = [write(2), write(61), memset(30, 6), memset(60, 5), memset(64, 0), data(0)]
const shapes = [
  adjust(4, 40),
  adjust(5, 4),
  adjust(0, 100),
  facts(dynptr),
  read(0),
  write(30),
  write(34),
  adjust(36, 36),
  facts(dynptr),
]
const copies = [
  adjust(2, 50),
  clone,
  facts(second),
  copy(0, 20, 16),
  copy(3, 0, 20),
  copy(40, 0, 9),
  copy(0, 45, 4),
  copy(48, 48, 0),
]
// What a read that faults leaves behind is anything: the first is written over.
const probes = [
  probe('bpf_probe_read_kernel_dynptr', 3, 8, '0xfffffffffffff000 ll'),
  probe('bpf_probe_read_kernel_dynptr', 3, 8, 'r10\nr4 += -48'),
  probe('bpf_probe_read_kernel_dynptr', 60, 8, 'r10\nr4 += -48'),
  probe('bpf_probe_read_kernel_str_dynptr', 20, 16, 'r10\nr4 += -48'),
  probe('bpf_probe_read_user_dynptr', 3, 8, '8'),
  probe('bpf_probe_read_user_dynptr', 60, 8, '8'),
  probe('bpf_probe_read_user_str_dynptr', 3, 8, '8'),
  probe('bpf_probe_read_kernel_str_dynptr', 20, 3, 'r10\nr4 += -48'),
]

const bits = (words: readonly string[], count: number): string => `r8 = 0
${words.map((word, n) => `r1 = ${word} ll\n*(u64 *)(r10 - ${48 - 8 * n}) = r1`).join('\n')}
r1 = r10\nr1 += -16
r2 = r10\nr2 += -48
r3 = ${count}
kcall bpf_iter_bits_new
${keep}
next:
r1 = r10\nr1 += -16
kcall bpf_iter_bits_next
if r0 == 0 goto done
r0 = *(u32 *)(r0 + 0)
${keep}
goto next
done:
r1 = r10\nr1 += -16
kcall bpf_iter_bits_destroy
r0 = r8
exit`

/** Types that may write packets directly. */
const direct: readonly string[] = ['xdp', 'sched_cls', 'lwt_xmit']

const cases: readonly (readonly [name: string, text: string, input: RunInput])[] = [
  ...(['xdp', 'sched_cls', 'cgroup_skb', 'socket_filter', 'lwt_xmit', 'lwt_in'] as const).flatMap((type) => {
    const from = type === 'xdp' ? 'bpf_dynptr_from_xdp' : 'bpf_dynptr_from_skb'
    const groups: readonly (readonly [string, readonly string[]])[] = [
      ['is read', reads],
      ['is written', direct.includes(type) ? [...writes, ...slices] : writes],
      ['is adjusted', shapes],
      ['is copied', copies],
      ...(type === 'xdp' || type === 'sched_cls' ? ([['takes untrusted memory', probes]] as const) : []),
    ]
    const own = groups.flatMap(([name, steps]) =>
      [0, 1].map(
        (flags) =>
          [
            `a dynptr of ${type} ${name}, flags ${flags}`,
            over(from, flags, steps.join('\n'), type === 'cgroup_skb' ? 'r0 >>= 5\nr0 &= 1' : ''),
            { type },
          ] as const,
      ),
    )
    return own
  }),
  [
    'metadata of a packet without',
    over('bpf_dynptr_from_skb_meta', 0, [facts(dynptr), write(0), read(0)].join('\n')),
    { type: 'sched_cls' },
  ],
  [
    'flags of skb_store_bytes',
    over('bpf_dynptr_from_skb', 0, [write(2, 4, 1), write(2, 4, 2), write(2, 4, 8)].join('\n')),
    { type: 'sched_cls' },
  ],
  ['flags of XDP', over('bpf_dynptr_from_xdp', 0, write(2, 4, 1)), { type: 'xdp' }],
  ['bits of one word', bits(['0x8000000100000005'], 1), {}],
  ['bits of three words', bits(['0x8000000000000001', '0', '0x00ff00000000000f'], 3), {}],
  ['bits of no words', bits(['1'], 0), {}],
  ['bits of nothing', bits(['0', '0'], 2), {}],
  ['bits of too many words', bits(['1'], 512), {}],
]

const packet = Uint8Array.from({ length: 64 }, (_, n) =>
  n === 12 ? 8 : n === 13 ? 0 : n === 14 ? 0x45 : n * 3,
)

describe.skipIf(missing)('kernel functions on packets and bits, as the kernel', () => {
  let kernel: Kernel
  beforeAll(async () => {
    kernel = await openKernel()
  })
  afterAll(() => kernel.close())

  it.each(cases)('%s', async (_, text, input) => {
    let theirs: unknown
    try {
      theirs = runThere(kernel, text, { data: packet, ...input })
    } catch (error) {
      theirs = (error as Error).message
    }
    for (const engine of engines) {
      const ours = await runHere(text, { data: packet, ...input }, { engine }).catch((error) => error.message)
      expect(ours, engine).toEqual(theirs)
    }
    expect(typeof theirs, String(theirs)).toBe('object')
  })
})
