import { control, type HelperDef, type Lower, type LowerI32, mapLayout, xdpLayout } from '@skep/registry'

type Implementation = Pick<HelperDef, 'call' | 'wasm' | 'lower'>

const context: Lower = ['i32.wrap_i64', ['arg', 0]]

/** xorshift128+, as assembly/control.ts has it. */
const prandom: Lower = [
  'let',
  'a',
  ['i64.load', ['control'], control.CTL_RANDOM],
  [
    'let',
    'b',
    ['i64.load', ['control'], control.CTL_RANDOM + 8],
    [
      'let',
      'c',
      ['i64.xor', ['get', 'a'], ['i64.shl', ['get', 'a'], ['i64', 23]]],
      [
        'let',
        'd',
        [
          'i64.xor',
          ['i64.xor', ['get', 'c'], ['get', 'b']],
          ['i64.xor', ['i64.shr_u', ['get', 'c'], ['i64', 18]], ['i64.shr_u', ['get', 'b'], ['i64', 5]]],
        ],
        [
          'do',
          ['i64.store', ['control'], ['get', 'b'], control.CTL_RANDOM],
          [
            'do',
            ['i64.store', ['control'], ['get', 'd'], control.CTL_RANDOM + 8],
            ['i64.shr_u', ['i64.add', ['get', 'd'], ['get', 'b']], ['i64', 32]],
          ],
        ],
      ],
    ],
  ],
]

/** The clock when the runtime caches or fixes it; otherwise the helper asks the host. */
const cachedTime: Lower = [
  'let',
  'time',
  ['i64.load', ['control'], control.CTL_TIME],
  ['if', ['i64.eqz', ['get', 'time']], ['call'], ['get', 'time']],
]

/** Without threads nobody else runs inside a critical section. */
const alone: Lower = ['shared', ['call'], ['i64', 0]]

/** A lookup in a map that only the run knows, an inner one: an array needs no call. */
const map: LowerI32 = ['i32.wrap_i64', ['arg', 0]]
const index: LowerI32 = ['get', 'index']
const element: LowerI32 = ['i32.mul', index, ['i32.load', map, mapLayout.MAP_STRIDE]]
const lookup: Lower = [
  'let',
  'index',
  ['i32.load', ['i32.wrap_i64', ['arg', 1]]],
  [
    'if',
    ['i32.lt_u', index, ['i32.load', map, mapLayout.MAP_INDICES]],
    ['i64.extend_i32_u', ['i32.add', element, ['i32.load', map, mapLayout.MAP_DATA]]],
    ['call'],
  ],
]

/** Helpers that are a few instructions, by name. */
const lowered: Readonly<Record<string, Lower>> = {
  bpf_map_lookup_elem: lookup,
  bpf_get_smp_processor_id: ['i32.load', ['control'], control.CTL_CPU],
  bpf_get_numa_node_id: ['i32', 0],
  bpf_get_prandom_u32: prandom,
  bpf_ktime_get_ns: cachedTime,
  bpf_ktime_get_boot_ns: cachedTime,
  bpf_spin_lock: alone,
  bpf_spin_unlock: alone,
  bpf_xdp_get_buff_len: [
    'i32.sub',
    [
      'let',
      'frags',
      ['i32.load', context, xdpLayout.XDP_FRAGS_END],
      ['if', ['get', 'frags'], ['get', 'frags'], ['i32.load', context, xdpLayout.XDP_DATA_END]],
    ],
    ['i32.load', context, xdpLayout.XDP_DATA],
  ],
}

/** Gives implementations their expressions. */
export const withLower = (
  implementations: Readonly<Record<string, Implementation>>,
): Readonly<Record<string, Implementation>> =>
  Object.fromEntries(
    Object.entries(implementations).map(([name, one]) => [
      name,
      lowered[name] ? { ...one, lower: lowered[name] } : one,
    ]),
  )
