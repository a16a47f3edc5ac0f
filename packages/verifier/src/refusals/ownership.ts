import type { RefusalLines } from './refusal.ts'

export type OwnershipCode =
  | 'UNRELEASED_REFERENCE'
  | 'NOT_A_REFERENCE'
  | 'LOCK_HELD'
  | 'SECTION_OPEN'
  | 'LOCK_TWICE'
  | 'UNLOCK_WITHOUT_LOCK'
  | 'FIELD_NOT_FOUND'
  | 'FIELD_NOT_SUPPORTED'
  | 'TIMER_OF_ANOTHER_MAP'
  | 'KPTR_STORE'
  | 'DYNPTR_PLACE'
  | 'DYNPTR_UNINITIALIZED'
  | 'DYNPTR_INITIALIZED'
  | 'DYNPTR_OVERWRITTEN'
  | 'DYNPTR_KIND'
  | 'DYNPTR_READ_ONLY'
  | 'MAP_NOT_FOR_SLEEPABLE'
  | 'ONE_CGROUP_STORAGE'

/** What programs acquire and have to give back, and the special fields of map values. */
export const ownership: RefusalLines<OwnershipCode> = {
  UNRELEASED_REFERENCE: [
    /^Unreleased reference id=(?<id>\d+) alloc_insn=(?<at>\d+)$/,
    /^(?<where>.+) would lead to reference leak$/,
  ],
  NOT_A_REFERENCE: [
    /^R(?<reg>\d+) must be referenced when passed to release function$/,
    /^arg (?<arg>\d+) is an unacquired reference$/,
    /^(?:func|kfunc) (?<name>\S+) reference has not been acquired before$/,
    /^cannot release unowned const bpf_dynptr$/,
    /^R(?<reg>\d+) must be referenced(?: or trusted)?$/,
  ],
  LOCK_HELD: [/^(?<where>.+) cannot be used inside bpf_spin_lock-ed region$/],
  SECTION_OPEN: [
    /^(?<where>.+) cannot be used inside (?<section>bpf_rcu_read_lock|bpf_preempt_disable|bpf_local_irq_save)-ed region$/,
  ],
  LOCK_TWICE: [
    /^Locking two bpf_spin_locks are not allowed$/,
    /^Acquiring the same lock again, AA deadlock detected$/,
  ],
  UNLOCK_WITHOUT_LOCK: [
    /^bpf_(?:res_)?spin_unlock without taking a lock$/,
    /^bpf_(?:res_)?spin_unlock of different lock$/,
    /^bpf_(?:res_)?spin_unlock cannot be out of order$/,
  ],
  FIELD_NOT_FOUND: [
    /^R(?<reg>\d+) doesn't have constant offset\. (?<name>\w+) has to be at the constant offset$/,
    /^map '(?<map>[^']*)' has to have BTF in order to use (?<name>\w+)$/,
    /^map '(?<map>[^']*)' has no valid (?<name>\w+)$/,
    /^off (?<off>-?\d+) doesn't point to 'struct (?<name>\w+)' that is at (?<at>\d+)$/,
    /^off=(?<off>-?\d+) doesn't point to kptr$/,
    /^off=(?<off>-?\d+) kptr isn't referenced kptr$/,
    /^R(?<reg>\d+) has no valid kptr$/,
    /^local 'kptr' has no valid (?<name>\w+)(?: \((?<type>\S*)\))?$/,
  ],
  FIELD_NOT_SUPPORTED: [/^(?<type>.+) progs cannot use (?<name>\S+) yet$/],
  TIMER_OF_ANOTHER_MAP: [
    /^(?<what>\w+) pointer in R\d+ map_uid=(?<one>\d+) doesn't match map pointer in R\d+ map_uid=(?<other>\d+)$/,
  ],
  KPTR_STORE: [
    /^kptr in map can only be accessed using BPF_MEM instruction mode$/,
    /^store to referenced kptr disallowed$/,
    /^store to uptr disallowed$/,
    /^BPF_ST imm must be 0 when storing to kptr at off=(?<off>\d+)$/,
    /^invalid kptr access, R(?<reg>\d+) type=(?<type>\S+) expected=(?<want>.+)$/,
  ],
  DYNPTR_PLACE: [
    /^(?<kind>\w+) has to be at a constant offset$/,
    /^cannot pass in (?<kind>\w+) at an offset=(?<off>-?\d+)$/,
    /^arg#(?<arg>\d+) expected pointer to stack or const struct bpf_dynptr$/,
  ],
  DYNPTR_UNINITIALIZED: [/^Expected an initialized dynptr as arg #(?<arg>\d+)$/],
  DYNPTR_INITIALIZED: [/^Dynptr has to be an uninitialized dynptr$/],
  DYNPTR_OVERWRITTEN: [
    /^cannot overwrite referenced dynptr$/,
    /^potential write to dynptr at off=(?<off>-?\d+) disallowed$/,
  ],
  DYNPTR_KIND: [/^Expected a dynptr of type (?<type>\S+) as arg #(?<arg>\d+)$/],
  DYNPTR_READ_ONLY: [/^cannot pass pointer to const bpf_dynptr, the helper mutates it$/],
  MAP_NOT_FOR_SLEEPABLE: [/^Sleepable programs can only use array, hash, ringbuf and local storage maps$/],
  ONE_CGROUP_STORAGE: [/^only one cgroup storage of each type is allowed$/],
}
