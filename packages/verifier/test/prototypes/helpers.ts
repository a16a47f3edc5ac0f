import {
  type ArgDesc,
  createPlatform,
  definePlugin,
  defineProgramType,
  type HelperDef,
  type Platform,
} from '@skep/registry'
import { plugins } from '../platform.ts'

let nextId = 0x1_0000
const helper = (name: string, args: readonly ArgDesc[], more: Partial<HelperDef> = {}): HelperDef => ({
  name,
  id: ++nextId,
  args,
  returns: { kind: 'integer' },
  programTypes: 'all',
  ...more,
})

const task: ArgDesc = { kind: 'btf_id', btf: ['task_struct'] }
const map: ArgDesc = { kind: 'const_map_ptr' }
const size: ArgDesc = { kind: 'const_size' }
const dynptr: ArgDesc = { kind: 'dynptr', access: 'read' }

/** One helper or more of every kind of argument and of result. */
export const helpers: readonly HelperDef[] = [
  helper('take_task', [task]),
  helper('take_task_or_null', [{ ...task, nullable: true }]),
  helper('take_group_or_task', [{ kind: 'btf_id', btf: ['cgroup', 'task_struct'] }]),
  helper('put_task', [{ ...task, release: true }]),
  helper('put_task_or_null', [{ ...task, release: true, nullable: true }]),
  helper('get_task', [], { returns: { kind: 'btf_id', btf: 'task_struct', acquire: true, nullable: true } }),
  helper('current_task', [], { returns: { kind: 'btf_id', btf: 'task_struct', trusted: true } }),
  helper('some_task', [], { returns: { kind: 'btf_id', btf: 'task_struct', nullable: true } }),
  helper('take_sock', [{ kind: 'btf_id_sock_common' }]),
  helper('take_two', [task, task]),
  helper('percpu', [{ kind: 'percpu_btf_id' }], {
    returns: { kind: 'mem_or_btf_id', readonly: true, nullable: true },
  }),
  helper('this_cpu', [{ kind: 'percpu_btf_id' }], { returns: { kind: 'mem_or_btf_id' } }),
  helper('reads', [{ kind: 'mem', access: 'read' }, size]),
  helper('reads_or_null', [{ kind: 'mem', access: 'read', nullable: true }, { kind: 'const_size_or_zero' }]),
  helper('changes', [{ kind: 'mem', access: 'readwrite' }, size]),
  helper('fills', [{ kind: 'mem', access: 'write', uninit: true }, size]),
  helper('fills_8', [{ kind: 'mem', access: 'write', uninit: true, size: 8, aligned: true }]),
  helper('fills_8_anywhere', [{ kind: 'mem', access: 'write', uninit: true, size: 8 }]),
  helper('reads_8', [{ kind: 'mem', access: 'read', size: 8 }]),
  helper('key', [map, { kind: 'map_key', access: 'read' }]),
  helper('value', [map, { kind: 'map_value', access: 'read' }]),
  helper('value_changed', [map, { kind: 'map_value', access: 'readwrite' }]),
  helper('value_filled', [map, { kind: 'map_value', access: 'write', uninit: true }]),
  helper('value_or_null', [map, { kind: 'map_value', access: 'read', nullable: true }]),
  helper('bounded', [], { returns: { kind: 'integer', min: -1, max: 5 } }),
  helper('bounded_below', [], { returns: { kind: 'integer', min: 3 } }),
  helper('bounded_above', [], { returns: { kind: 'integer', max: 3 } }),
  helper('fixed', [], { returns: { kind: 'mem', size: 16, readonly: true } }),
  helper('writable', [], { returns: { kind: 'mem', size: 16, nullable: true } }),
  helper('sized', [{ kind: 'const_alloc_size_or_zero' }], { returns: { kind: 'mem', nullable: true } }),
  helper('nothing', [], { returns: { kind: 'void' } }),
  helper('zero', [{ kind: 'anything', zero: true }, { kind: 'anything' }]),
  helper('of_value', [{ kind: 'mem', access: 'read', mapValueOnly: true, size: 8 }]),
  helper('slice', [dynptr, { kind: 'anything' }, { kind: 'const_alloc_size_or_zero' }], {
    returns: { kind: 'mem', nullable: true },
    verify: { dynptr: 'data' },
  }),
  helper('of_ring', [{ kind: 'dynptr', access: 'read', dynptr: ['ringbuf'] }]),
  helper('changes_dynptr', [{ kind: 'dynptr' }]),
  helper('new_skb', [{ kind: 'ctx' }, { kind: 'dynptr', uninit: true, dynptr: ['skb'] }]),
  helper('new_meta', [{ kind: 'ctx' }, { kind: 'dynptr', uninit: true, dynptr: ['skb_meta'] }]),
  helper('new_local', [{ kind: 'dynptr', uninit: true, dynptr: ['local'] }]),
  helper('writes_dynptr', [dynptr], { verify: { writesDynptr: true } }),
  helper('drops_dynptr', [{ kind: 'dynptr', release: true }], { verify: { dynptr: 'release' } }),
  helper('sleeps', [], { mightSleep: true }),
  helper('arena', [{ kind: 'arena' }]),
  helper('stack', [{ kind: 'stack' }]),
  helper('socket', [{ kind: 'socket' }]),
  helper('sock_common', [{ kind: 'sock_common' }]),
  helper('ring_memory', [{ kind: 'ringbuf_mem' }]),
  helper('in_probes', [], { probe: { kprobe: true, 'tracing/trace_raw_tp': ['btf_trace_demo'] } }),
  helper('of_callers', [], { verify: { callers: { xdp: true, tracing: ['trace_iter'], demo: ['first'] } } }),
  helper('packet', [{ kind: 'mem', access: 'read', size: 8 }], { pktAccess: true }),
  helper('moves', [], { changesPacketData: true }),
]

const demo = defineProgramType({
  name: 'demo',
  id: 0x1_0001,
  context: {
    kind: 'struct',
    name: 'demo_ctx',
    size: 64,
    fields: [
      { name: 'number', offset: 0, size: 4 },
      {
        name: 'task',
        offset: 8,
        size: 8,
        widths: 'exact',
        pointer: 'btf_id',
        btf: 'task_struct',
        trusted: true,
      },
      {
        name: 'maybe',
        offset: 16,
        size: 8,
        widths: 'exact',
        pointer: 'btf_id',
        btf: 'task_struct',
        nullable: true,
      },
      { name: 'unknown', offset: 24, size: 8, widths: 'exact', pointer: 'btf_id' },
      { name: 'data', offset: 32, size: 8, widths: 'exact', pointer: 'packet' },
      { name: 'end', offset: 40, size: 8, widths: 'exact', pointer: 'packet_end' },
      { name: 'buffer', offset: 48, size: 8, widths: 'exact', pointer: 'buffer' },
      { name: 'constants', offset: 56, size: 8, widths: 'exact', pointer: 'buffer', readonly: true },
    ],
  },
  packetAccess: 'write',
  attachTypes: { first: { id: 0x1_0001 }, second: { id: 0x1_0002 } },
})
const bystander = defineProgramType({ ...demo, name: 'bystander', id: 0x1_0002, packetAccess: 'none' })
const giver = defineProgramType({ ...demo, name: 'giver', id: 0x1_0003, packetToAnyHelper: true })

/** The built-in tables, and those of the plugin. */
export const platform: Platform = createPlatform([
  ...plugins,
  definePlugin({ name: 'prototypes', helpers, programTypes: [demo, bystander, giver] }),
])
