import type { OwnershipCode } from '../ownership.ts'
import type { RefusalTexts } from '../refusal.ts'

/** What programs acquire and have to give back, and the special fields of map values. */
export const ownership: RefusalTexts<OwnershipCode> = {
  UNRELEASED_REFERENCE: {
    title: 'A reference that is not given back',
    sentences: [
      'The reference that instruction {at} acquired is still held where the program ends.',
      'A reference is still held at: {where}.',
    ],
    mend: [
      'Release it on every path: bpf_sk_release, bpf_ringbuf_submit or bpf_ringbuf_discard, bpf_task_release, …',
      'Early returns and error paths between the two calls are the usual leak.',
      'Store it into a kptr field with bpf_kptr_xchg to keep it.',
    ],
  },
  NOT_A_REFERENCE: {
    title: 'A release of something that was not acquired',
    sentences: [
      'r{reg} is released, and no call acquired it (or it was released already).',
      'Argument {arg} is released, and no call acquired it.',
      '{name} releases a reference that the program does not hold.',
      'The dynptr is lent to this function, which cannot release it.',
      'r{reg} points to an object that the program does not hold.',
    ],
    mend: [
      'Release the pointer that the acquiring call returned, once.',
      'Pointers from the context are not released.',
    ],
  },
  LOCK_HELD: {
    title: 'A lock held where it must not be',
    sentences: ['A bpf_spin_lock is held at: {where}.'],
    mend: ['Unlock on every path before the program ends, calls a tail call or reads packets with LD_ABS.'],
  },
  SECTION_OPEN: {
    title: 'A section that is not left',
    sentences: ['The section that {section} began is open at: {where}.'],
    mend: ['Leave the section on every path, with the call that pairs with the one that began it.'],
  },
  LOCK_TWICE: {
    title: 'Two locks at a time',
    sentences: ['A lock is taken while another one is held.', 'A lock is taken that is held already.'],
    mend: ['Unlock the first one before taking the second.'],
  },
  UNLOCK_WITHOUT_LOCK: {
    title: 'An unlock without its lock',
    sentences: [
      'A lock is released, and none is held.',
      'The lock that is released is not the one that is held.',
      'The lock that is released is not the last one that was taken.',
    ],
    mend: [
      'Lock and unlock through the same pointer; a second lookup of the same key counts as another lock.',
      'Unlock in the reverse order of locking.',
    ],
  },
  FIELD_NOT_FOUND: {
    title: 'No such special field there',
    sentences: [
      'r{reg} points into the map value at an offset that differs from path to path, where a {name} should be.',
      'Map {map} has no BTF, so that nobody knows where its {name} is.',
      'The values of map {map} have no {name}.',
      'The pointer is at offset {off} of the value, and the {name} is at {at}.',
      'There is no kptr at offset {off} of the value.',
      'The kptr at offset {off} owns nothing (__kptr_untrusted).',
      'r{reg} does not point to a map value with a kptr.',
      'The object has no {name}.',
    ],
    mend: [
      'Pass the address of the field itself: `&value->lock`.',
      'Declare key and value of the map by type (__type), so that the object has BTF for them.',
    ],
  },
  FIELD_NOT_SUPPORTED: {
    title: 'A special field that this program type cannot use',
    sentences: ['Programs of type {type} cannot use maps whose values have a {name}.'],
    mend: ['Use a map without such fields in this program.', 'Use atomic operations, or a per-CPU map.'],
  },
  TIMER_OF_ANOTHER_MAP: {
    title: 'A timer or work item and a map that do not belong together',
    sentences: ['The {what} lies in a value of another map than the one passed with it.'],
    mend: ['Pass the map in whose value the timer lies.'],
  },
  KPTR_STORE: {
    title: 'A store or load at a kptr that is not allowed',
    sentences: [
      'A kptr is read and written with plain loads and stores only.',
      'A kptr that owns its object is not overwritten by a store, which would lose the old one.',
      'A uptr is set by the host, not by the program.',
      'A constant other than NULL is stored into the kptr at offset {off}.',
      'r{reg} is {type:kind}, which does not go into this kptr.',
    ],
    mend: ['Exchange the pointer with bpf_kptr_xchg and release what comes back.'],
  },
  DYNPTR_PLACE: {
    title: 'A dynptr or iterator in the wrong place',
    sentences: [
      'The {kind} is at a variable offset of the stack.',
      'The {kind} would begin at offset {off} of the stack, where it does not fit.',
      'Argument {arg} has to be a dynptr, which lives on the stack.',
    ],
    mend: ['Declare it as a local variable and pass its address: it takes 16 bytes at a multiple of 8.'],
  },
  DYNPTR_UNINITIALIZED: {
    title: 'A dynptr that is not one yet',
    sentences: ['Argument {arg} has to be a dynptr that a call has made, and is not (or no longer).'],
    mend: [
      'Make it first: bpf_dynptr_from_mem, bpf_ringbuf_reserve_dynptr, …',
      'A store over its 16 bytes, or a release, ends it.',
    ],
  },
  DYNPTR_INITIALIZED: {
    title: 'A dynptr where an empty one is needed',
    sentences: ['The call makes a dynptr, and gets one that is lent to the function.'],
    mend: ['Pass the address of a dynptr variable of the function itself.'],
  },
  DYNPTR_OVERWRITTEN: {
    title: 'A dynptr overwritten',
    sentences: [
      'The store hits a dynptr that still holds a record, which would be lost.',
      'The helper would write over the dynptr at offset {off} of the stack.',
    ],
    mend: [
      'Submit or discard the record before the memory is used again.',
      'Keep buffers and dynptrs apart.',
    ],
  },
  DYNPTR_KIND: {
    title: 'A dynptr of another kind',
    sentences: ['Argument {arg} has to be a {type} dynptr, and is of another kind.'],
    mend: ['Pass the dynptr that the call of that kind has made.'],
  },
  DYNPTR_READ_ONLY: {
    title: 'A dynptr that is only lent',
    sentences: ['The dynptr is lent to this function, and the call would change it.'],
    mend: ['Make a dynptr of your own over the data.'],
  },
  MAP_NOT_FOR_SLEEPABLE: {
    title: 'A map that sleepable programs cannot use',
    sentences: ['The program may sleep, and uses a map that is not safe then.'],
    mend: [
      'Use an array, hash, ring buffer or local storage map, or load the program as one that does not sleep.',
    ],
  },
  ONE_CGROUP_STORAGE: {
    title: 'Two cgroup storages of one kind',
    sentences: ['The program uses two cgroup storage maps of one type.'],
    mend: ['Put both into one map, or use BPF_MAP_TYPE_CGRP_STORAGE.'],
  },
}
