/** bpf_fib_lookup without an answer of the host: there are no network devices, so none has the number asked for. */
import { EAFNOSUPPORT, EINVAL, ENODEV } from '../../registry/src/layout/errno'
import { pointer, result } from './env'

/** struct bpf_fib_lookup: its size, and the address family at its start. */
const PARAMS_SIZE: u64 = 64
/** BPF_FIB_LOOKUP_DIRECT, OUTPUT, SKIP_NEIGH, TBID, SRC and MARK. */
const FLAGS: u64 = 63
const AF_INET: u8 = 2
const AF_INET6: u8 = 10

export function fib_lookup(context: u64, params: u64, size: u64, flags: u64, r5: u64): u64 {
  if (size < PARAMS_SIZE || (flags & ~FLAGS) != 0) return result(-EINVAL)
  const family = load<u8>(pointer(params))
  return result(family == AF_INET || family == AF_INET6 ? -ENODEV : -EAFNOSUPPORT)
}
