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

/** The helpers by what they work on, and what a runtime that cannot perform them lacks. */
const groups: readonly { readonly helpers: readonly HelperDef[]; readonly lacking: string }[] = [
  { helpers: mapHelpers, lacking: 'an operation of the map type' },
  { helpers: controlHelpers, lacking: 'objects and per-CPU variables of the kernel' },
  { helpers: timeHelpers, lacking: 'that clock' },
  { helpers: timerHelpers, lacking: 'timers that run while no program does' },
  { helpers: randomHelpers, lacking: 'that number of the machine' },
  { helpers: stringHelpers, lacking: "the kernel's types to print" },
  { helpers: ringbufHelpers, lacking: 'ring buffers' },
  { helpers: dynptrHelpers, lacking: 'dynptrs' },
  { helpers: perfHelpers, lacking: 'perf events' },
  {
    helpers: skbHelpers,
    lacking: 'what the network stack keeps with a packet (tunnel, cgroup, route, security state)',
  },
  { helpers: redirectHelpers, lacking: 'network devices, routes and neighbours' },
  { helpers: xdpHelpers, lacking: 'an XDP frame' },
  { helpers: lwtHelpers, lacking: "the network stack's lightweight tunnels" },
  { helpers: sockHelpers, lacking: "the network stack's sockets" },
  { helpers: sockOpsHelpers, lacking: "the network stack's TCP connections" },
  { helpers: sockMapHelpers, lacking: 'sockets to redirect messages to' },
  { helpers: cgroupHelpers, lacking: 'cgroups' },
  { helpers: storageHelpers, lacking: 'kernel objects to keep storage with' },
  { helpers: taskHelpers, lacking: 'processes and their memory maps' },
  { helpers: probeHelpers, lacking: "another process's memory" },
  { helpers: tracingHelpers, lacking: 'kernel functions, their stacks and arguments' },
  { helpers: lsmHelpers, lacking: "the kernel's security modules" },
  { helpers: lircHelpers, lacking: 'infrared receivers' },
  { helpers: syscallHelpers, lacking: "the kernel's system calls and symbols" },
]

/** Every helper of Linux 6.18 (`enum bpf_func_id`, ids 1 to 211) as `struct bpf_func_proto` declares it, by id. */
export const prototypes: readonly HelperDef[] = groups
  .flatMap((group) => group.helpers)
  .sort((a, b) => a.id - b.id)

/** Of helpers that lack something else than their group does. */
const others: Readonly<Record<string, string>> = {
  bpf_seq_printf_btf: "the kernel's types to print",
  bpf_skb_output: "the kernel's own struct sk_buff",
  bpf_xdp_output: "the kernel's own struct xdp_buff",
}

/** What a runtime lacks that cannot perform a helper. */
export const lacking = (name: string): string =>
  others[name] ??
  groups.find((group) => group.helpers.some((helper) => helper.name === name))?.lacking ??
  'an implementation'
