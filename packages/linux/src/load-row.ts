import type { Row, RowMap } from '@skep/registry'
import { KernelArgumentError, KernelError } from './errors.ts'
import type { Kernel } from './kernel.ts'
import type { KernelMap } from './kernel-map.ts'
import type { KernelProgram, ProgramOptions, RejectedProgram } from './kernel-program.ts'
import { bytesOfHex } from './row.ts'
import { attachTypes, numberOf, programTypes } from './uapi.ts'

export interface LoadedRow {
  readonly program: KernelProgram | RejectedProgram
  readonly maps: readonly KernelMap[]
  /** Closes the maps and the program. */
  close(): void
}

export type RowLoadOptions = Pick<ProgramOptions, 'logLevel' | 'lazyLog'>

/** Makes a row's maps and loads its program. Throws `KernelError` when the kernel refuses a map or BTF. */
export const loadRow = (kernel: Kernel, row: Row, options: RowLoadOptions = {}): LoadedRow => {
  const maps = new RowMaps(kernel, row)
  try {
    for (let i = 0; i < (row.maps?.length ?? 0); i++) maps.at(i)
    const load = (): KernelProgram | RejectedProgram =>
      kernel.loadProgram(programOptions(kernel, row, maps, options))
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

  constructor(kernel: Kernel, row: Row) {
    this.#kernel = kernel
    this.#row = row
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
    const result = this.#make(map, path)
    this.#byIndex.set(index, result)
    return result
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
    const btf = map.btf ?? (map.btf_key || map.btf_value ? this.#row.btf : undefined)
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
            btf: this.#kernel.btfs.get(btf),
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
    for (const map of this.#byIndex.values()) map.close()
    for (const map of this.#templates) map.close()
  }
}

const programOptions = (kernel: Kernel, row: Row, maps: RowMaps, options: RowLoadOptions): ProgramOptions => {
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
  const attach = attachTarget(kernel, type, row)
  return {
    name: row.name?.slice(row.name.lastIndexOf(' ') + 1) ?? '',
    type,
    attachType: attach.attachType,
    attachBtfId: attach.btfId,
    flags: row.flags ?? 0,
    license: row.license ?? 'GPL',
    insns,
    ...(row.btf ? { btf: kernel.btfs.get(row.btf) } : {}),
    ...(row.func_info ? { funcInfo: bytesOfHex(row.func_info) } : {}),
    ...options,
  }
}

/** Kernel functions that stand for an attach point, by program type and attach type (net: libbpf's section table). */
const prefixes: Readonly<Record<string, { kind: 'func' | 'typedef'; prefix: string }>> = {
  [`tracing/${attachTypes['trace_raw_tp']}`]: { kind: 'typedef', prefix: 'btf_trace_' },
  [`tracing/${attachTypes['trace_iter']}`]: { kind: 'func', prefix: 'bpf_iter_' },
  [`lsm/${attachTypes['lsm_mac']}`]: { kind: 'func', prefix: 'bpf_lsm_' },
  [`lsm/${attachTypes['lsm_cgroup']}`]: { kind: 'func', prefix: 'bpf_lsm_' },
}
/** Program types whose attach_btf_id the kernel reads; the others refuse one. */
const attachesByBtf: ReadonlyMap<number, string> = new Map(
  ['tracing', 'lsm', 'struct_ops'].map((name) => [programTypes[name] ?? -1, name]),
)

const attachTarget = (
  kernel: Kernel,
  type: string | number,
  row: Row,
): { attachType: string | number; btfId: number } => {
  const attachType = row.attach_type ?? 0
  const family = typeof type === 'number' ? attachesByBtf.get(type) : undefined
  const to = row.attach_to
  if (!to || !family) return { attachType, btfId: 0 }
  const missing = (what: string): never => {
    throw new KernelArgumentError('row.attach_to', `this kernel has no ${what}`)
  }
  if (family === 'struct_ops') {
    const [struct = '', member = ''] = to.split(':')
    const btfId = kernel.vmlinux?.find('struct', struct) ?? missing(`struct ${struct}`)
    return {
      attachType: kernel.vmlinux?.memberIndex(btfId, member) ?? missing(`member ${member} in ${struct}`),
      btfId,
    }
  }
  const { kind, prefix } = prefixes[`${family}/${numberOf(attachTypes, attachType)}`] ?? {
    kind: 'func',
    prefix: '',
  }
  const full = to.startsWith(prefix) ? to : prefix + to
  return {
    attachType,
    btfId: kernel.vmlinux?.find(kind, full) ?? missing(`${kind === 'func' ? 'function' : 'type'} ${full}`),
  }
}

/** What to answer for a row that did not load: the errno where the kernel said one. */
export const rowFailure = (error: unknown): { errno?: string; code: string; message: string } => {
  if (error instanceof KernelError) return { errno: error.errno, code: error.code, message: error.message }
  if (error instanceof KernelArgumentError) return { code: error.code, message: error.message }
  throw error
}
