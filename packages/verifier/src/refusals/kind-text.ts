// Names of register types in the log (reg_type_str), spelled out.
const KINDS: Readonly<Record<string, string>> = {
  scalar: 'a number',
  ctx: 'the context',
  map_ptr: 'a map',
  map_value: 'a map value',
  map_key: 'a map key',
  fp: 'the stack',
  pkt: 'the packet',
  pkt_meta: "the packet's metadata",
  pkt_end: 'the end of the packet',
  flow_keys: 'the flow keys',
  sock: 'a socket',
  sock_common: 'a socket (common part)',
  tcp_sock: 'a TCP socket',
  xdp_sock: 'an AF_XDP socket',
  tp_buffer: "the tracepoint's buffer",
  mem: 'memory of a known size',
  ringbuf_mem: 'a ring buffer record',
  buf: 'a buffer',
  func: 'a function',
  arena: 'an arena pointer',
  dynptr_ptr: 'a dynptr',
  ptr_: 'a kernel object',
}

// Prefixes of reg_type_str, in its order.
const PREFIXES: readonly (readonly [prefix: string, text: string])[] = [
  ['rdonly_', 'read-only'],
  ['ringbuf_', 'of a ring buffer'],
  ['user_', 'in user memory'],
  ['percpu_', 'per CPU'],
  ['untrusted_', 'untrusted'],
  ['trusted_', 'trusted'],
  ['rcu_', 'RCU-protected'],
]

/** A register type of the log, in words: `map_value_or_null` is "a map value or NULL". */
export function kindText(type: string): string {
  const nullable = /_or_null(_?)/.test(type)
  let rest = type.replace(/_or_null_?/, type.startsWith('ptr_') || /_ptr_/.test(type) ? '_' : '')
  const more: string[] = []
  if (KINDS[rest] === undefined) {
    for (let again = true; again; ) {
      again = false
      for (const [prefix, text] of PREFIXES) {
        if (!rest.startsWith(prefix) || rest === prefix) continue
        rest = rest.slice(prefix.length)
        more.push(text)
        again = true
      }
    }
  }
  const struct = rest.startsWith('ptr_') && rest.length > 4 ? `a struct ${rest.slice(4)}` : undefined
  const text = KINDS[rest] ?? struct ?? (rest === '' ? 'nothing' : rest)
  return `${text}${more.length > 0 ? ` (${more.join(', ')})` : ''}${nullable ? ' or NULL' : ''}`
}
