import { BtfBuilder } from '@skep/btf'

/** Types of the made-up kernel: its structs have the names of Linux's, and a few members. */
export function kernelTypes(): Uint8Array {
  const b = new BtfBuilder()
  const int = b.int('int', 4, { signed: true })
  const u64 = b.int('unsigned long', 8)
  const char = b.int('char', 1, { signed: true })
  const common = b.struct('sock_common', [
    { name: 'skc_family', type: int },
    { name: 'skc_state', type: int },
  ])
  const sock = b.struct('sock', [
    { name: '__sk_common', type: common },
    { name: 'sk_mark', type: u64 },
  ])
  const tcp = b.struct('tcp_sock', [
    { name: 'inet_conn', type: sock },
    { name: 'snd_cwnd', type: int },
  ])
  const cgroup = b.struct('cgroup', [{ name: 'level', type: int }])
  const task = b.struct('task_struct', [
    { name: 'pid', type: int },
    { name: 'tgid', type: int },
    { name: 'group', type: b.pointer(cgroup) },
    { name: 'comm', type: b.array(char, 16, int) },
    { name: 'user', type: b.pointer(b.typeTag('user', cgroup)) },
    { name: 'percpu', type: b.pointer(b.typeTag('percpu', cgroup)) },
    { name: 'own', type: cgroup },
    { name: 'text', type: b.pointer(char) },
  ])
  b.float('double', 8)
  b.struct('sk_buff', [{ name: 'len', type: int }])
  b.struct('bpf_map', [{ name: 'id', type: int }])
  const params = [
    ['__data', b.pointer(0)],
    ['task', b.pointer(task)],
    ['number', int],
    ['sk', b.pointer(tcp)],
    ['text', b.pointer(char)],
    ['other__nullable', b.pointer(task)],
    ['user', b.pointer(b.typeTag('user', task))],
    ['percpu', b.pointer(b.typeTag('percpu', task))],
  ] as const
  const proto = b.funcProto(0, params)
  b.typedef('btf_trace_demo', b.pointer(proto))
  b.func('__traceiter_demo', proto, 'static')
  const element = b.struct('bpf_iter__bpf_map_elem', [{ name: 'a', type: u64 }])
  b.func(
    'bpf_iter_bpf_map_elem',
    b.funcProto(int, [
      ['meta', b.pointer(element)],
      ['map', b.pointer(element)],
      ['key', b.pointer(0)],
      ['value', b.pointer(0)],
    ]),
  )
  b.func('demo', b.funcProto(int, [['task', b.pointer(task)]]))
  const number = b.variable('number', int)
  const object = b.variable('object', cgroup)
  b.dataSection('.data..percpu', 8, [
    { type: number, offset: 0, size: 4 },
    { type: object, offset: 4, size: 4 },
  ])
  return b.build()
}
