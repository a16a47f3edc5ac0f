import type { Row, RowMap } from '@skep/registry'
import { attachTarget } from './attach-target.ts'
import { KernelArgumentError, KernelError } from './errors.ts'
import type { Kernel } from './kernel.ts'
import type { KernelBtf } from './kernel-btf.ts'
import type { KernelMap } from './kernel-map.ts'
import type { KernelProgram, ProgramOptions, RejectedProgram } from './kernel-program.ts'
import { bytesOfHex } from './row.ts'
import { mapTypes, numberOf, programTypes } from './uapi.ts'

export interface LoadedRow {
  readonly program: KernelProgram | RejectedProgram
  readonly maps: readonly KernelMap[]
  /** Closes the maps and the program. */
  close(): void
}

export interface RowLoadOptions extends Pick<ProgramOptions, 'logLevel' | 'lazyLog'> {
  /** Maps to take instead of making the same again, for many rows that are only verified. */
  readonly maps?: RowMapCache
}

/** Makes a row's maps and loads its program. Throws `KernelError` when the kernel refuses a map or BTF. */
export const loadRow = (kernel: Kernel, row: Row, options: RowLoadOptions = {}): LoadedRow => {
  const { maps: cache, ...programLoad } = options
  const maps = new RowMaps(kernel, row, cache)
  try {
    for (let i = 0; i < (row.maps?.length ?? 0); i++) maps.at(i)
    const load = (): KernelProgram | RejectedProgram =>
      kernel.loadProgram(programOptions(kernel, row, maps, programLoad))
    const program = row.unprivileged ? kernel.without(['CAP_PERFMON', 'CAP_SYS_ADMIN'], load) : load()
    return {
      program,
      maps: maps.made,
      close() {
        if (program.ok) program.close()
        maps.close()
      },
    }
  } catch (error) {
    maps.close()
    throw error
  }
}

/** The maps of a row by index, made when first asked for, since a map of maps may come before its template. */
class RowMaps {
  readonly #kernel: Kernel
  readonly #row: Row
  readonly #byIndex = new Map<number, KernelMap>()
  readonly #templates: KernelMap[] = []
  readonly #cache: RowMapCache | undefined

  constructor(kernel: Kernel, row: Row, cache: RowMapCache | undefined) {
    this.#kernel = kernel
    this.#row = row
    this.#cache = cache
  }

  get made(): KernelMap[] {
    return [...this.#byIndex].sort(([a], [b]) => a - b).map(([, map]) => map)
  }

  at(index: number, path = `row.maps[${index}]`): KernelMap {
    const made = this.#byIndex.get(index)
    if (made) return made
    const map = this.#row.maps?.[index]
    if (!map)
      throw new KernelArgumentError(
        path,
        `there is no map ${index}; the row has ${this.#row.maps?.length ?? 0}`,
      )
    const types = this.#btfOf(map)
    const result =
      this.#cache?.take(this.#row, map, types, () => this.#make(map, path)) ?? this.#make(map, path)
    this.#byIndex.set(index, result)
    return result
  }

  #btfOf(map: RowMap): KernelBtf | undefined {
    const text = map.btf ?? (map.btf_key || map.btf_value ? this.#row.btf : undefined)
    return text ? this.#kernel.btfs.get(text) : undefined
  }

  #make(map: RowMap, path: string): KernelMap {
    const { inner } = map
    const innerMap =
      inner === undefined || inner === null
        ? undefined
        : typeof inner === 'number'
          ? this.#template(inner, `${path}.inner`)
          : this.#make(inner, `${path}.inner`)
    if (innerMap && typeof inner === 'object') this.#templates.push(innerMap)
    const btf = this.#btfOf(map)
    const result = this.#kernel.createMap({
      name: map.name ?? '',
      type: map.type,
      keySize: map.key_size ?? 0,
      valueSize: map.value_size ?? 0,
      maxEntries: map.max_entries ?? 0,
      flags: map.flags ?? 0,
      mapExtra: map.map_extra ?? 0,
      ...(innerMap ? { innerMap } : {}),
      ...(btf
        ? {
            btf,
            btfKeyTypeId: map.btf_key ?? 0,
            btfValueTypeId: map.btf_value ?? 0,
          }
        : {}),
    })
    try {
      if (map.init) this.#initialise(result, bytesOfHex(map.init), `${path}.init`)
      if (map.frozen) result.freeze()
    } catch (error) {
      result.close()
      throw error
    }
    return result
  }

  #template(index: number, path: string): KernelMap {
    const { inner } = this.#row.maps?.[index] ?? {}
    if (inner !== undefined && inner !== null) {
      throw new KernelArgumentError(
        path,
        `map ${index} is a map of maps, and the kernel takes one level of them`,
      )
    }
    return this.at(index, path)
  }

  #initialise(map: KernelMap, element: Uint8Array, path: string): void {
    if (element.length > map.valueSize) {
      throw new KernelArgumentError(
        path,
        `has ${element.length} bytes, and the map's values have ${map.valueSize}`,
      )
    }
    const value = new Uint8Array(map.valueBytes)
    const stride = (map.valueSize + 7) & ~7
    for (let at = 0; at < value.length; at += stride) value.set(element, at)
    map.update(new Uint8Array(map.keySize), value)
  }

  close(): void {
    for (const map of this.#byIndex.values()) if (!this.#cache?.holds(map)) map.close()
    for (const map of this.#templates) map.close()
  }
}

/** Maps by their description, for as long as the cache lives. Their contents are what the rows' `init` says. */
export class RowMapCache {
  readonly #byText = new Map<string, { readonly map: KernelMap; readonly btf: KernelBtf | undefined }>()
  readonly #held = new Set<KernelMap>()

  /**
   * The map, or undefined for one that must be made anew: the kernel ties it to its first program. A map belongs to the BTF
   * that it was made with: what was loaded again, though equal, has other types.
   */
  take(row: Row, map: RowMap, btf: KernelBtf | undefined, make: () => KernelMap): KernelMap | undefined {
    const type = numberOf(mapTypes, map.type)
    if (type === undefined || ownedByPrograms.has(type)) return undefined
    const inner = typeof map.inner === 'number' ? row.maps?.[map.inner] : map.inner
    const innerType = inner ? numberOf(mapTypes, inner.type) : undefined
    if (innerType !== undefined && ownedByPrograms.has(innerType)) return undefined
    const typed = map.btf_key !== undefined || map.btf_value !== undefined
    const text = JSON.stringify([map, inner, typed && !map.btf ? row.btf : undefined])
    const known = this.#byText.get(text)
    if (known && known.btf === btf) return known.map
    const made = make()
    this.#byText.set(text, { map: made, btf })
    this.#held.add(made)
    return made
  }

  holds(map: KernelMap): boolean {
    return this.#held.has(map)
  }

  /** Closes the maps, which no row may be using. */
  clear(): void {
    for (const map of this.#held) map.close()
    this.#held.clear()
    this.#byText.clear()
  }

  get size(): number {
    return this.#held.size
  }
}

/** map_type_contains_progs: these take the type of the first program that refers to them (bpf_prog_map_compatible). */
const ownedByPrograms: ReadonlySet<number> = new Set(
  ['prog_array', 'devmap', 'cpumap'].map((name) => mapTypes[name] ?? -1),
)

const programOptions = (
  kernel: Kernel,
  row: Row,
  maps: RowMaps,
  options: Pick<ProgramOptions, 'logLevel' | 'lazyLog'>,
): ProgramOptions => {
  const insns = bytesOfHex(row.insns)
  const view = new DataView(insns.buffer, insns.byteOffset, insns.byteLength)
  const patch = (insn: number, value: number, path: string): void => {
    if (insn * 8 + 8 > insns.length) {
      throw new KernelArgumentError(
        path,
        `instruction ${insn} is past the end; the program has ${insns.length / 8}`,
      )
    }
    view.setInt32(insn * 8 + 4, value, true)
  }
  row.refs?.forEach((ref, i) => {
    patch(ref.insn, maps.at(ref.map, `row.refs[${i}].map`).fd, `row.refs[${i}].insn`)
  })
  row.kfuncs?.forEach((kfunc, i) => {
    const id = kernel.vmlinux?.find('func', kfunc.name)
    if (!id)
      throw new KernelArgumentError(`row.kfuncs[${i}].name`, `this kernel has no function ${kfunc.name}`)
    patch(kfunc.insn, id, `row.kfuncs[${i}].insn`)
  })
  const type = numberOf(programTypes, row.type) ?? row.type
  const attach = attachTarget(kernel, type, row.attach_type ?? 0, row.attach_to, 'row.attach_to')
  return {
    name: row.name?.slice(row.name.lastIndexOf(' ') + 1) ?? '',
    type,
    ...attach,
    flags: row.flags ?? 0,
    license: row.license ?? 'GPL',
    insns,
    ...(row.btf ? { btf: kernel.btfs.get(row.btf) } : {}),
    ...(row.func_info ? { funcInfo: bytesOfHex(row.func_info) } : {}),
    ...options,
  }
}

/** What to answer for a row that did not load: the errno where the kernel said one. */
export const rowFailure = (error: unknown): { errno?: string; code: string; message: string } => {
  if (error instanceof KernelError) return { errno: error.errno, code: error.code, message: error.message }
  if (error instanceof KernelArgumentError) return { code: error.code, message: error.message }
  throw error
}
