import type { Env } from './env.ts'
import { fail } from './errors.ts'
import { resolveAddress, resolveKernelSymbol } from './ksyms.ts'
import { BPF_MAX_VAR_OFF, MAX_USED_MAPS } from './limits.ts'
import { hasField, type VerifierMap } from './maps.ts'
import {
  BPF_LDX,
  BPF_MEM,
  BPF_MEMSX,
  BPF_PSEUDO_BTF_ID,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_IDX,
  BPF_PSEUDO_MAP_IDX_VALUE,
  BPF_PSEUDO_MAP_VALUE,
  classOf,
  modeOf,
} from './opcode.ts'
import { isKnownOpcode, isLdImm64 } from './program.ts'

/** Bytes of a page of an arena. */
const PAGE_SIZE = 4096

/** resolve_pseudo_ldimm64: what the 64-bit loads refer to, and the opcodes of all others. */
export function resolveLdImm64(env: Env): void {
  const { program: p } = env
  const used = new Set<number>()
  for (let i = 0; i < p.length; i++) {
    env.insn = i
    const code = p.code[i]!
    if (classOf(code) === BPF_LDX && ((modeOf(code) !== BPF_MEM && modeOf(code) !== BPF_MEMSX) || p.imm[i])) {
      fail('EINVAL', 'BPF_LDX uses reserved fields')
    }
    if (!isLdImm64(p, i)) {
      if (!isKnownOpcode(code)) fail('EINVAL', `unknown opcode ${code.toString(16).padStart(2, '0')}`)
      continue
    }
    if (p.code[i + 1] || p.dst[i + 1] || p.src[i + 1] || p.off[i + 1]) {
      fail('EINVAL', 'invalid bpf_ld_imm64 insn')
    }
    const kind = p.src[i]!
    if (kind === 0) resolveAddress(env, i)
    else if (kind === BPF_PSEUDO_BTF_ID) resolveKernelSymbol(env, i)
    if (kind !== 0 && kind !== BPF_PSEUDO_FUNC && kind !== BPF_PSEUDO_BTF_ID) resolveMap(env, i, kind, used)
    i++
  }
  env.insn = 0
}

function resolveMap(env: Env, i: number, kind: number, used: Set<number>): void {
  const { program: p } = env
  const direct = kind === BPF_PSEUDO_MAP_VALUE || kind === BPF_PSEUDO_MAP_IDX_VALUE
  const whole = (kind === BPF_PSEUDO_MAP_FD || kind === BPF_PSEUDO_MAP_IDX) && p.imm[i + 1] === 0
  if (!direct && !whole) fail('EINVAL', 'unrecognized bpf_ld_imm64 insn')
  const reference = p.references.get(i)
  const isMap = reference?.kind === 'map' || reference?.kind === 'map_value'
  if (!isMap && (kind === BPF_PSEUDO_MAP_IDX || kind === BPF_PSEUDO_MAP_IDX_VALUE)) {
    fail('EPROTO', 'fd_idx without fd_array is invalid')
  }
  const map = isMap ? env.maps.byName(reference.map) : undefined
  if (!map) fail('EBADF', `fd ${p.imm[i]} is not pointing to valid bpf_map`)
  if (!used.has(map.index)) {
    if (used.size >= MAX_USED_MAPS) {
      fail('E2BIG', `The total number of maps per program has reached the limit of ${MAX_USED_MAPS}`)
    }
    checkMapForProgram(env, map, used)
    used.add(map.index)
  }
  env.mapIndex[i] = map.index
  if (!direct) return
  const off = p.imm[i + 1]! >>> 0
  if (off >= BPF_MAX_VAR_OFF) fail('EINVAL', `direct value offset of ${off} is not allowed`)
  if (!map.def?.verify?.directValue) {
    fail('EINVAL', 'no direct value access support for this map type')
  }
  if (map.def.verify.arena) {
    // arena_map_direct_value_addr
    if (off > map.maxEntries * PAGE_SIZE) {
      fail('ERANGE', `invalid access to map value pointer, value_size=${map.valueSize} off=${off}`)
    }
    env.mapOffset[i] = off
    return
  }
  // array_map_direct_value_addr: one element only.
  if (map.maxEntries !== 1) {
    fail('ENOTSUPP', `invalid access to map value pointer, value_size=${map.valueSize} off=${off}`)
  }
  if (off >= map.valueSize) {
    fail('EINVAL', `invalid access to map value pointer, value_size=${map.valueSize} off=${off}`)
  }
  env.mapOffset[i] = off
}

/** check_map_prog_compatibility */
function checkMapForProgram(env: Env, map: VerifierMap, used: ReadonlySet<number>): void {
  const { type } = env
  if (type.tracing && hasField(map, 'bpf_list_head', 'bpf_rb_root')) {
    fail('EINVAL', 'tracing progs cannot use bpf_{list_head,rb_root} yet')
  }
  if (hasField(map, 'bpf_spin_lock', 'bpf_res_spin_lock')) {
    if (type.noSpinLock) {
      fail('EINVAL', `${type.name.replaceAll('_', ' ')} progs cannot use bpf_spin_lock yet`)
    }
    if (type.tracing) fail('EINVAL', 'tracing progs cannot use bpf_spin_lock yet')
  }
  if (type.tracing && hasField(map, 'bpf_timer')) fail('EINVAL', 'tracing progs cannot use bpf_timer yet')
  if (type.tracing && hasField(map, 'bpf_wq')) fail('EINVAL', 'tracing progs cannot use bpf_wq yet')
  const traits = map.def?.verify
  if (env.privileges.sleepable && !traits?.sleepable) {
    fail('EINVAL', 'Sleepable programs can only use array, hash, ringbuf and local storage maps')
  }
  if (traits?.onePerProgram) {
    for (const other of used) {
      if (env.maps.list[other]!.typeId !== map.typeId) continue
      fail('EBUSY', 'only one cgroup storage of each type is allowed')
    }
  }
  if (traits?.arena) useArena(env, map)
}

function useArena(env: Env, map: VerifierMap): void {
  if (env.arenaMap >= 0) fail('EBUSY', 'Only one arena per program')
  if (!env.allowPtrLeaks) fail('EPERM', 'CAP_BPF and CAP_PERFMON are required to use arena')
  env.arenaMap = map.index
  // A spec that leaves it out leaves it to whoever makes the map, as objects do: libbpf gives every arena its place.
  if (map.spec.mapExtra === 0) fail('EINVAL', "arena's user address must be set via map_extra or mmap()")
}
