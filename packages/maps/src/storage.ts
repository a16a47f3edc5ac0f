import { defineMapType, mapLayout as layout, type MapTypeDef } from '@skep/registry'
import { checker, refuse } from './check.ts'
import { mapsModule } from './module.ts'

/** bpf_local_storage_map_alloc_check. */
const check = checker({
  key: { only: [4] },
  // BPF_LOCAL_STORAGE_MAX_VALUE_SIZE.
  value: { min: 1, max: 65_496, past: 'E2BIG' },
  entries: { only: [0] },
  flags: layout.BPF_F_NO_PREALLOC | layout.BPF_F_CLONE,
  needs: layout.BPF_F_NO_PREALLOC,
  also: (spec) =>
    spec.btfKey && spec.btfValue ? undefined : refuse('EINVAL', 'local storage needs BTF of key and value'),
})

const SHARED_FIELDS = ['spin_lock', 'kptr', 'refcount']

/** A value for each owner, an object of the host; `openLocalStorage` is the host's side. */
const storage = (id: number, c: string, more: readonly string[] = []): MapTypeDef =>
  defineMapType({
    name: `${c}_storage`,
    id,
    check,
    value: 'plain',
    batches: [],
    helpers: [`bpf_${c}_storage_get`, `bpf_${c}_storage_delete`, 'bpf_kptr_xchg'],
    verify: { sleepable: true, specialFields: [...SHARED_FIELDS, ...more], struct: 'bpf_local_storage_map' },
    wasm: {
      module: mapsModule,
      init: 'storage_init',
      free: 'storage_free',
      ops: {
        lookup: 'hash_lookup4',
        lookup_host: 'storage_lookup_host',
        update: 'storage_update',
        delete: 'storage_delete',
        next_key: 'storage_next_key',
        batch: 'hash_batch',
        quiesce: 'hash_quiesce',
        release: 'storage_release',
      },
    },
  })

export const skStorage: MapTypeDef = storage(24, 'sk')
export const inodeStorage: MapTypeDef = storage(28, 'inode')
export const taskStorage: MapTypeDef = storage(29, 'task', ['uptr'])
export const cgrpStorage: MapTypeDef = storage(32, 'cgrp')
