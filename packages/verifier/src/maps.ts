import { type Btf, type FieldKind, parseBtf, type SpecialField, specialFields } from '@skep/btf'
import type { MapSpec, MapTypeDef, Platform } from '@skep/registry'

export const BPF_F_RDONLY_PROG: number = 1 << 7
export const BPF_F_WRONLY_PROG: number = 1 << 8

/** A map as the verifier sees it. */
export interface VerifierMap {
  /** Index in the table of maps, inner maps included: what register records hold. */
  readonly index: number
  readonly spec: MapSpec
  /** Undefined when the platform has no such type: nothing may be done with the map. */
  readonly def: MapTypeDef | undefined
  /** Number of the map type, for messages. */
  readonly typeId: number
  readonly name: string
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly inner: VerifierMap | undefined
  readonly fields: readonly SpecialField[]
  readonly hasBtf: boolean
  readonly btf: Btf | undefined
  readonly canRead: boolean
  readonly canWrite: boolean
  /** Contents that programs may take as constants: of element 0. */
  readonly constant: Uint8Array | undefined
}

/** Maps of one verification: those of the input in order, then their templates. */
export class MapTable {
  readonly list: VerifierMap[] = []
  readonly #byName = new Map<string, VerifierMap>()

  constructor(specs: readonly MapSpec[], platform: Platform, btf: Btf | undefined) {
    const all: { spec: MapSpec; parent: number }[] = specs.map((spec) => ({ spec, parent: -1 }))
    for (let i = 0; i < all.length; i++) {
      const { inner } = all[i]!.spec
      if (inner) all.push({ spec: inner, parent: i })
    }
    for (let i = all.length - 1; i >= 0; i--) {
      const { spec, parent } = all[i]!
      const child = all.findIndex((entry) => entry.parent === i)
      const inner = child < 0 ? undefined : this.list[child]
      // The kernel keeps no name of a template.
      this.list[i] = makeMap(parent < 0 ? spec : { ...spec, name: '' }, i, inner, platform, btf)
    }
    for (let i = specs.length - 1; i >= 0; i--) this.#byName.set(specs[i]!.name, this.list[i]!)
  }

  byName(name: string): VerifierMap | undefined {
    return this.#byName.get(name)
  }
}

function makeMap(
  spec: MapSpec,
  index: number,
  inner: VerifierMap | undefined,
  platform: Platform,
  programBtf: Btf | undefined,
): VerifierMap {
  const def = platform.mapTypes.get(spec.type)
  const btf = spec.btf ? parseBtf(spec.btf) : programBtf
  const described = btf !== undefined && (spec.btfValue ?? 0) > 0
  const flags = spec.flags ?? 0
  const readOnly = (flags & BPF_F_RDONLY_PROG) !== 0 || def?.verify?.readOnly === true
  const writeOnly = (flags & BPF_F_WRONLY_PROG) !== 0
  return {
    index,
    spec,
    def,
    typeId: def?.id ?? (typeof spec.type === 'number' ? spec.type : 0),
    name: spec.name.slice(0, 15),
    keySize: spec.keySize,
    valueSize: spec.valueSize,
    maxEntries: spec.maxEntries,
    inner,
    fields: described ? specialFields(btf, spec.btfValue!) : [],
    hasBtf: described,
    btf: described ? btf : undefined,
    canRead: !writeOnly,
    canWrite: !readOnly,
    constant: readOnly && spec.frozen && def?.verify?.directValue ? firstValue(spec) : undefined,
  }
}

/** Element 0 of an array-like map; zeros where the spec sets none. */
function firstValue(spec: MapSpec): Uint8Array {
  const value = new Uint8Array(spec.valueSize)
  for (const initial of spec.initial ?? []) {
    if ('value' in initial && initial.key.every((byte) => byte === 0)) {
      value.set(initial.value.subarray(0, spec.valueSize))
    }
  }
  return value
}

export const hasField = (map: VerifierMap, ...kinds: readonly FieldKind[]): boolean =>
  map.fields.some((f) => kinds.includes(f.kind))

export const findField = (map: VerifierMap, kind: FieldKind): SpecialField | undefined =>
  map.fields.find((f) => f.kind === kind)
