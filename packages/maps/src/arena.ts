import { defineMapType, mapLayout as layout, type MapSpec, type MapTypeDef } from '@skep/registry'
import { checker, refuse } from './check.ts'
import { mapsModule } from './module.ts'

/**
 * A window of max_entries pages that program and host allocate; pointers into it are numbers of 32 bits. The window is taken
 * from the runtime's memory whole. `openArenaWindow` is the host's side.
 */
export const arenaMap: MapTypeDef = defineMapType({
  name: 'arena',
  id: 33,
  check: checker({
    key: { only: [0] },
    value: { only: [0] },
    // 4 GiB in pages.
    entries: { min: 1, max: 1 << 20, past: 'E2BIG' },
    flags: layout.BPF_F_MMAPABLE | layout.BPF_F_SEGV_ON_FAULT | layout.BPF_F_NO_USER_CONV,
    needs: layout.BPF_F_MMAPABLE,
    extra: Number.MAX_SAFE_INTEGER,
    also: ({ mapExtra }: MapSpec) =>
      (mapExtra ?? 0) % 4096 === 0
        ? undefined
        : refuse('EINVAL', `map_extra is ${mapExtra}; an arena begins at a multiple of 4096`),
  }),
  value: 'opaque',
  batches: [],
  verify: { arena: true, directValue: true, sleepable: true, struct: 'bpf_arena' },
  wasm: {
    module: mapsModule,
    init: 'arena_init',
    free: 'arena_free',
    ops: {
      peek: 'arena_peek',
      push: 'arena_push',
      delete: 'arena_delete',
      next_key: 'arena_next_key',
      alloc_pages: 'arena_alloc_pages',
      free_pages: 'arena_free_pages',
      reserve_pages: 'arena_reserve_pages',
    },
  },
})
