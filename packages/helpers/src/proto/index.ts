import type { HelperDef } from '@skep/registry'
import { cgroupHelpers } from './cgroup.ts'
import { controlHelpers } from './control.ts'
import { dynptrHelpers } from './dynptr.ts'
import { lircHelpers } from './lirc.ts'
import { lsmHelpers } from './lsm.ts'
import { lwtHelpers } from './lwt.ts'
import { mapHelpers } from './map.ts'
import { perfHelpers } from './perf.ts'
import { probeHelpers } from './probe.ts'
import { randomHelpers } from './random.ts'
import { redirectHelpers } from './redirect.ts'
import { ringbufHelpers } from './ringbuf.ts'
import { skbHelpers } from './skb.ts'
import { sockHelpers } from './sock.ts'
import { sockMapHelpers } from './sock-map.ts'
import { sockOpsHelpers } from './sock-ops.ts'
import { storageHelpers } from './storage.ts'
import { stringHelpers } from './string.ts'
import { syscallHelpers } from './syscall.ts'
import { taskHelpers } from './task.ts'
import { timeHelpers } from './time.ts'
import { timerHelpers } from './timer.ts'
import { tracingHelpers } from './tracing.ts'
import { xdpHelpers } from './xdp.ts'

/** Every helper of Linux 6.18 (`enum bpf_func_id`, ids 1 to 211) as `struct bpf_func_proto` declares it, by id. */
export const prototypes: readonly HelperDef[] = [
  ...mapHelpers,
  ...controlHelpers,
  ...timeHelpers,
  ...timerHelpers,
  ...randomHelpers,
  ...stringHelpers,
  ...ringbufHelpers,
  ...dynptrHelpers,
  ...perfHelpers,
  ...skbHelpers,
  ...redirectHelpers,
  ...xdpHelpers,
  ...lwtHelpers,
  ...sockHelpers,
  ...sockOpsHelpers,
  ...sockMapHelpers,
  ...cgroupHelpers,
  ...storageHelpers,
  ...taskHelpers,
  ...probeHelpers,
  ...tracingHelpers,
  ...lsmHelpers,
  ...lircHelpers,
  ...syscallHelpers,
].sort((a, b) => a.id - b.id)
