import { type Kernel, openKernel } from '@skep/linux'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { calls, keep, stack, value } from './call-text.ts'
import { engines } from './hostile-tools.ts'
import { missing, type RunInput, runHere, runThere } from './kfunc-calls.ts'

// Sequences of helper calls: every result goes into one number, which is the same on both engines and in the kernel.

const map = (type: string, more: object = {}) => ({ type, keySize: 4, valueSize: 8, maxEntries: 2, ...more })
const key = (n: number): string => `*(u32 *)(r10 - 4) = ${n}\n${stack(2, 4)}`
const lookup = (n: number): string => `r1 = map 0\n${key(n)}\ncall 1\n${value()}`
const update = (n: number, flags: number): string =>
  `r1 = map 0\n${key(n)}\n${stack(3, 16)}\nr4 = ${flags}\ncall 2`
const remove = (n: number): string => `r1 = map 0\n${key(n)}\ncall 3`
const onMap = calls(
  lookup(1),
  update(1, 2),
  update(1, 0),
  update(1, 1),
  update(0, 1),
  update(3, 0),
  lookup(1),
  remove(1),
  remove(1),
  lookup(1),
  update(1, 7),
)
const push = (flags: number): string => `r1 = map 0\n${stack(2, 16)}\nr3 = ${flags}\ncall 87`
const take = (name: string): string =>
  `r1 = map 0\n${stack(2, 24)}\ncall ${name}\n${keep}\nr0 = *(u32 *)(r10 - 24)`

/** Reads 8 bytes, or text, at an address. */
const probe = (name: string, size: number, address: string): string =>
  `${stack(1, 40)}\nr2 = ${size}\n${address}\ncall ${name}\n${keep}\nr0 = *(u32 *)(r10 - 40)`
const nobody = 'r3 = 0xfffffffffffff000 ll'
const user = 'r3 = 8'

/** 1 when a clock does not go back and gives another number than 0. */
const clock = (id: string): string =>
  `call ${id}\nr6 = r0\ncall ${id}\nr1 = 0\nif r6 > r0 goto late${id}\nif r6 == 0 goto late${id}\nr1 = 1\nlate${id}:\nr0 = r1`

const print = (format: string, rest: string): string => {
  const bytes = [...format].map((c) => c.charCodeAt(0))
  const stores = [...bytes, 0].map((byte, n) => `*(u8 *)(r10 - ${96 - n}) = ${byte}`)
  return `${stores.join('\n')}\n${stack(1, 96)}\nr2 = ${bytes.length + 1}\n${rest}`
}

type Case = readonly [name: string, text: string, input?: RunInput]

const cases: readonly Case[] = [
  ...['hash', 'array', 'lru_hash', 'percpu_hash', 'percpu_array'].map(
    (type) => [`lookups, updates and deletions: ${type}`, onMap, { maps: [map(type)] }] as const,
  ),
  ...['queue', 'stack'].map(
    (type) =>
      [
        `bpf_map_push_elem, bpf_map_pop_elem and bpf_map_peek_elem: ${type}`,
        calls(
          take('bpf_map_peek_elem'),
          push(0),
          take('bpf_map_peek_elem'),
          push(0),
          push(0),
          push(2),
          push(1),
          take('bpf_map_pop_elem'),
          take('bpf_map_pop_elem'),
          take('bpf_map_pop_elem'),
        ),
        { maps: [map(type, { keySize: 0 })] },
      ] as const,
  ),
  [
    'bpf_map_lookup_percpu_elem',
    calls(
      update(0, 0),
      ...[0, 1 << 20].map((cpu) => `r1 = map 0\n${key(1)}\nr3 = ${cpu}\ncall 195\n${value()}`),
    ),
    { maps: [map('percpu_array')] },
  ],
  [
    'reads of addresses that nobody proved',
    calls(
      ...['bpf_probe_read', 'bpf_probe_read_kernel'].flatMap((id) => [
        probe(id, 8, stack(3, 16)),
        probe(id, 0, stack(3, 16)),
        probe(id, 8, nobody),
      ]),
      ...['bpf_probe_read_str', 'bpf_probe_read_kernel_str'].flatMap((id) => [
        probe(id, 8, stack(3, 16)),
        probe(id, 2, stack(3, 16)),
        probe(id, 8, nobody),
      ]),
      probe('bpf_probe_read_user', 8, user),
      probe('bpf_probe_read_user_str', 8, user),
    ),
    { type: 'raw_tracepoint', data: new Uint8Array(0) },
  ],
  [
    'clocks',
    calls(
      ...[
        'bpf_ktime_get_ns',
        'bpf_ktime_get_boot_ns',
        'bpf_jiffies64',
        'bpf_ktime_get_coarse_ns',
        'bpf_ktime_get_tai_ns',
      ].map(clock),
    ),
  ],
  [
    'bpf_redirect and bpf_redirect_map',
    calls(
      'r1 = 1\nr2 = 0\ncall 23',
      'r1 = 1\nr2 = 1\ncall 23',
      ...[0, 1, 3, 4].map((flags) => `r1 = map 0\nr2 = 0\nr3 = ${flags}\ncall 51`),
    ),
    { maps: [map('devmap', { valueSize: 4 })] },
  ],
  [
    'redirects of tc, to a peer and to a neighbour',
    calls(
      'r1 = 1\nr2 = 0\ncall 23',
      'r1 = 1\nr2 = 1\ncall 23',
      'r1 = 1\nr2 = 2\ncall 23',
      'r1 = 1\nr2 = 0\ncall 155',
      'r1 = 1\nr2 = 1\ncall 155',
      'r1 = 1\nr2 = 0\nr3 = 0\nr4 = 0\ncall 152',
      'r1 = 1\nr2 = 0\nr3 = 0\nr4 = 1\ncall 152',
      ...[16, 20, 24].map(
        (size) =>
          `${[400, 392, 384].map((at) => `*(u64 *)(r10 - ${at}) = 0`).join('\n')}\nr1 = 1\nr2 = r10\nr2 += -400\nr3 = ${size}\nr4 = 0\ncall 152`,
      ),
    ),
    { type: 'sched_cls' },
  ],
  [
    'a hash that was set, and taken away',
    calls(
      'r1 = r9\nr2 = 7\ncall bpf_set_hash',
      'r1 = r9\ncall bpf_get_hash_recalc',
      'r1 = r9\ncall bpf_set_hash_invalid',
      // Which one the packet's flow has, depends on the machine's secret.
      'r1 = r9\ncall bpf_get_hash_recalc\nr1 = r0\nr0 = 1\nif r1 != 7 goto other\nr0 = 2\nother:',
    ),
    { type: 'sched_cls' },
  ],
  [
    'routes of a device that is not there',
    calls(
      `${[0, 1, 2, 3, 4, 5, 6, 7].map((n) => `*(u64 *)(r10 - ${64 - 8 * n}) = 0`).join('\n')}
*(u8 *)(r10 - 64) = 2
*(u32 *)(r10 - 56) = 99999
r1 = r9\n${stack(2, 64)}\nr3 = 64\nr4 = 0\ncall 69`,
    ),
  ],
  [
    'printing',
    calls(
      print('a %d %x\n', 'r3 = 5\nr4 = 255\nr5 = 0\ncall 6'),
      print('%d %d', 'r3 = 5\nr4 = 255\nr5 = 0\ncall 6'),
      print('%y', 'r3 = 5\nr4 = 255\nr5 = 0\ncall 6'),
      print('b %llu', `${stack(3, 16)}\nr4 = 8\ncall 177`),
      print('b %llu', `${stack(3, 16)}\nr4 = 7\ncall 177`),
    ),
  ],
  [
    'a dynptr over a map value',
    `r8 = 0\nr1 = map 0\n${key(0)}\ncall 1\nif r0 == 0 goto out
r6 = r0
*(u64 *)(r6 + 0) = 0x11223344
r1 = r6\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -24\ncall 197\n${keep}
r1 = r10\nr1 += -32\nr2 = 4\nr3 = r10\nr3 += -24\nr4 = 1\nr5 = 0\ncall 201\n${keep}
r0 = *(u32 *)(r10 - 32)\n${keep}
r1 = r10\nr1 += -24\nr2 = 5\nr3 = r10\nr3 += -32\nr4 = 4\nr5 = 0\ncall 202\n${keep}
r1 = r10\nr1 += -24\nr2 = 4\nr3 = r10\nr3 += -32\nr4 = 4\nr5 = 0\ncall 202\n${keep}
r1 = r10\nr1 += -24\nr2 = 4\nr3 = 4\ncall 203\nif r0 == 0 goto out\nr0 = *(u32 *)(r0 + 0)\n${keep}
out:\nr0 = r8\nexit`,
    { maps: [map('array')] },
  ],
  [
    'a packet that lies in one piece',
    calls(...[0, 10, 64, 65, 4000].map((length) => `r1 = r9\nr2 = ${length}\nkcall bpf_xdp_pull_data`)),
  ],
  [
    'what a user has, into a dynptr',
    `r8 = 0\nr1 = map 0\n${key(0)}\ncall 1\nif r0 == 0 goto out
r1 = r0\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -24\ncall 197\n${keep}
${['bpf_copy_from_user_dynptr', 'bpf_copy_from_user_str_dynptr']
  .flatMap((name) =>
    [0, 4].map((at) => `r1 = r10\nr1 += -24\nr2 = ${at}\nr3 = 5\nr4 = 8\nkcall ${name}\n${keep}`),
  )
  .join('\n')}
out:\nr0 = r8\nexit`,
    { type: 'syscall', flags: 0x10, data: new Uint8Array(0), maps: [map('array')] },
  ],
  [
    'sections, and an iterator over numbers in them',
    `r8 = 0
kcall bpf_rcu_read_lock
kcall bpf_preempt_disable
r1 = r10\nr1 += -8\nr2 = -3\nr3 = 5\nkcall bpf_iter_num_new\n${keep}
next:
r1 = r10\nr1 += -8\nkcall bpf_iter_num_next
if r0 == 0 goto done
r0 = *(u32 *)(r0 + 0)\n${keep}
goto next
done:
r1 = r10\nr1 += -8\nkcall bpf_iter_num_destroy
kcall bpf_preempt_enable
kcall bpf_rcu_read_unlock
r1 = r10\nr1 += -16\nkcall bpf_local_irq_save
r8 += 1
r1 = r10\nr1 += -16\nkcall bpf_local_irq_restore
r0 = r8\nexit`,
  ],
  [
    'text and bytes of a user',
    calls(
      `${stack(1, 40)}\nr2 = 8\nr3 = 8\nr4 = 0\nkcall bpf_copy_from_user_str`,
      `${stack(1, 40)}\nr2 = 8\nr3 = 8\nr4 = 4\nkcall bpf_copy_from_user_str`,
      `${stack(1, 40)}\nr2 = 8\n${user}\ncall 148`,
    ),
    { type: 'syscall', flags: 0x10, data: new Uint8Array(0) },
  ],
]

describe.skipIf(missing)('helpers, as the kernel', () => {
  let kernel: Kernel
  beforeAll(async () => {
    kernel = await openKernel()
  })
  afterAll(() => kernel.close())

  it.each(cases.map(([name, text, input = {}]) => ({ name, text, input })))(
    '$name',
    async ({ text, input }) => {
      const theirs = runThere(kernel, text, input)
      for (const engine of engines) expect(await runHere(text, input, { engine }), engine).toEqual(theirs)
    },
  )
})
