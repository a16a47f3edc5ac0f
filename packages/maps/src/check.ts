import { type ErrnoName, mapLayout as layout, type MapRefusal, type MapSpec } from '@skep/registry'

/** Sizes that are allowed: these only, or a range; `past` is the errno above it (EINVAL unless said). */
export type SizeRule =
  | { readonly only: readonly number[] }
  | { readonly min: number; readonly max?: number; readonly past?: ErrnoName }

/** What map_alloc_check and map_create look at, as data. */
export interface CreationRules {
  readonly key: SizeRule
  readonly value: SizeRule
  /** max_entries; from 1 on when absent. */
  readonly entries?: SizeRule
  /** BPF_F_* allowed. */
  readonly flags: number
  /** BPF_F_* that must be set. */
  readonly needs?: number
  /** Largest map_extra; 0 when absent. */
  readonly extra?: number
  /** What the type looks at between flags and sizes. */
  readonly afterFlags?: (spec: MapSpec) => MapRefusal | undefined
  /** What no table says; last. */
  readonly also?: (spec: MapSpec) => MapRefusal | undefined
}

export const ACCESS: number =
  layout.BPF_F_RDONLY | layout.BPF_F_WRONLY | layout.BPF_F_RDONLY_PROG | layout.BPF_F_WRONLY_PROG
export const HOST_ACCESS: number = layout.BPF_F_RDONLY | layout.BPF_F_WRONLY
export const NUMA: number = layout.BPF_F_NUMA_NODE

/** include/linux/slab.h on x86-64 with 4 KiB pages: the largest value that a system call copies. */
export const KMALLOC_MAX_SIZE: number = 4 << 20
/** mm/percpu.c: PCPU_MIN_UNIT_SIZE, the largest value of one CPU, rounded up to 8. */
export const PERCPU_MAX_SIZE: number = 32 << 10
export const INT_MAX = 0x7fff_ffff

export const refuse = (errno: ErrnoName, reason: string): MapRefusal => ({ errno, reason })

function checkSize(what: string, size: number, rule: SizeRule): MapRefusal | undefined {
  if ('only' in rule) {
    if (rule.only.includes(size)) return undefined
    return refuse('EINVAL', `${what} is ${size}; it must be ${rule.only.join(' or ')}`)
  }
  if (size < rule.min) return refuse('EINVAL', `${what} is ${size}; it must be at least ${rule.min}`)
  if (rule.max !== undefined && size > rule.max) {
    return refuse(rule.past ?? 'EINVAL', `${what} is ${size}; it may be ${rule.max} at most`)
  }
  return undefined
}

/**
 * The spec of a map whose elements no program sees: where `__type(value, T)` says what its records are, key and value have
 * the size that the kernel wants.
 */
export const withoutTypes = ({ btfKey, btfValue, ...spec }: MapSpec, size: number): MapSpec =>
  btfKey || btfValue ? { ...spec, keySize: size, valueSize: size } : spec

const hex = (flags: number): string => `0x${flags.toString(16)}`

/** A map type's `check` from its rules: flags first, then sizes, of which EINVAL goes before every other errno. */
export function checker(rules: CreationRules): (spec: MapSpec) => MapRefusal | undefined {
  return (spec) => {
    const flags = spec.flags ?? 0
    const extra = spec.mapExtra ?? 0
    const found: MapRefusal[] = []
    if (flags & ~rules.flags)
      found.push(
        refuse('EINVAL', `map_flags has ${hex(flags & ~rules.flags)}, which this type does not take`),
      )
    const missing = (rules.needs ?? 0) & ~flags
    if (missing) found.push(refuse('EINVAL', `map_flags lacks ${hex(missing)}, which this type needs`))
    for (const [one, other] of [
      [layout.BPF_F_RDONLY, layout.BPF_F_WRONLY],
      [layout.BPF_F_RDONLY_PROG, layout.BPF_F_WRONLY_PROG],
    ] as const) {
      if (flags & one && flags & other)
        found.push(refuse('EINVAL', `map_flags ${hex(one)} and ${hex(other)} exclude each other`))
    }
    if (extra > (rules.extra ?? 0) || extra < 0)
      found.push(refuse('EINVAL', `map_extra is ${extra}; it may be ${rules.extra ?? 0} at most`))
    if (found.length > 0) return found[0]
    const odd = rules.afterFlags?.(spec)
    if (odd) return odd
    const refusals = [
      checkSize('key_size', spec.keySize, rules.key),
      checkSize('value_size', spec.valueSize, rules.value),
      checkSize('max_entries', spec.maxEntries, rules.entries ?? { min: 1 }),
      rules.also?.(spec),
    ].filter((r) => r !== undefined)
    return refusals.find((r) => r.errno === 'EINVAL') ?? refusals[0]
  }
}
