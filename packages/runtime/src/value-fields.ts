import type { Btf } from '@skep/btf'
import { decode } from '@skep/isa'
import type { Arena } from '@skep/memory'
import {
  type CollectionSpec,
  fieldLayout,
  fieldRecordSize,
  type MapSpec,
  type MapTypeDef,
  mapLayout,
  ownsAnything,
  type Platform,
  type ProgramSpec,
  programLayout,
  type ValueField,
  writeFieldRecord,
} from '@skep/registry'
import { hide } from './cpu.ts'
import { btfTools, loadBtf } from './load-btf.ts'

/** What map types call the kinds of fields that their values may have (MapTraits.specialFields). */
const traits: Readonly<Record<string, string>> = {
  bpf_spin_lock: 'spin_lock',
  bpf_res_spin_lock: 'res_spin_lock',
  bpf_timer: 'timer',
  bpf_wq: 'workqueue',
  bpf_task_work: 'task_work',
  kptr: 'kptr',
  kptr_ref: 'kptr',
  kptr_percpu: 'kptr',
  uptr: 'uptr',
  bpf_list_head: 'list_head',
  bpf_rb_root: 'rb_root',
  bpf_list_node: 'list_head',
  bpf_rb_node: 'rb_root',
  bpf_refcount: 'refcount',
}

const PROTECTED = mapLayout.BPF_F_RDONLY_PROG | mapLayout.BPF_F_WRONLY_PROG
const NONE: readonly ValueField[] = []

/** The special fields of a map as it is created. */
export interface FieldsOfMap {
  readonly fields: readonly ValueField[]
  readonly innerFields: readonly ValueField[]
  /** Programs may put something into them. */
  readonly live: boolean
}

/**
 * What is special inside the values of maps and the objects of programs, from the BTF of their collections: which fields a
 * map has, and the records by which helpers make and free objects.
 */
export class ValueFields {
  readonly #arena: Arena
  readonly #platform: Platform
  readonly #known = new WeakMap<MapSpec, { readonly btf: Uint8Array | undefined; readonly live: boolean }>()
  readonly #parsed = new WeakMap<Uint8Array, Btf>()
  /** Records of objects by what they say: objects outlive the collections that made them. */
  readonly #records = new Map<string, number>()
  /** Tables of local types, by the program's record. */
  readonly #tables = new Map<number, number>()

  constructor(arena: Arena, platform: Platform) {
    this.#arena = arena
    this.#platform = platform
  }

  /** A collection is about to be loaded. Programs that nobody verified may not reach what is special: it is plain bytes. */
  async know(spec: CollectionSpec, verified: boolean): Promise<void> {
    let typed = spec.btf !== undefined
    for (const map of spec.maps) {
      for (const one of map.inner ? [map, map.inner] : [map]) {
        typed ||= one.btf !== undefined
        this.#known.set(one, { btf: one.btf ?? spec.btf, live: verified })
      }
    }
    if (typed) await loadBtf()
  }

  #btf(bytes: Uint8Array | undefined): Btf | undefined {
    if (!bytes) return undefined
    let btf = this.#parsed.get(bytes)
    if (!btf) {
      btf = btfTools().parseBtf(bytes)
      this.#parsed.set(bytes, btf)
    }
    return btf
  }

  of(spec: MapSpec): FieldsOfMap {
    const known = this.#known.get(spec)
    return {
      fields: this.#fields(spec),
      innerFields: spec.inner ? this.#fields(spec.inner) : NONE,
      live: known?.live ?? false,
    }
  }

  /** None where the kernel would not create the map with its BTF: libbpf then makes it without. */
  #fields(spec: MapSpec): readonly ValueField[] {
    const def: MapTypeDef | undefined = this.#platform.mapTypes.get(spec.type)
    if (!spec.btfValue || !def || ((spec.flags ?? 0) & PROTECTED) !== 0) return NONE
    const btf = this.#btf(this.#known.get(spec)?.btf ?? spec.btf)
    if (!btf) return NONE
    const fields = btfTools().specialFields(btf, spec.btfValue)
    const allowed = def.verify?.specialFields ?? []
    return fields.every(({ kind }) => allowed.includes(traits[kind]!)) ? fields : NONE
  }

  /** Gives a program's record the local types that its instructions name. */
  begin(record: number, program: ProgramSpec, spec: CollectionSpec): void {
    const makes = program.references.some((r) => r.kind === 'kfunc' && r.name.endsWith('obj_new_impl'))
    const btf = makes ? this.#btf(spec.btf) : undefined
    if (!btf) return
    const types = localTypes(program, btf)
    const size = fieldLayout.TYPES_FIRST + types.length * fieldLayout.TYPE_SIZE
    const table = this.#arena.alloc(size)
    hide(this.#arena, table)
    this.#tables.set(record, table)
    const records = types.map((type) => this.#record(btf.size(type)!, btfTools().specialFields(btf, type)))
    const { view } = this.#arena
    view.setUint32(table + fieldLayout.TYPES_COUNT, types.length, true)
    for (const [n, type] of types.entries()) {
      const at = table + fieldLayout.TYPES_FIRST + n * fieldLayout.TYPE_SIZE
      view.setUint32(at + fieldLayout.TYPE_ID, type, true)
      view.setUint32(at + fieldLayout.TYPE_RECORD, records[n]!, true)
    }
    view.setUint32(record + programLayout.PROG_TYPES, table, true)
  }

  /** The program of that record goes. */
  end(record: number): void {
    const table = this.#tables.get(record)
    if (table !== undefined) this.#arena.free(table)
    this.#tables.delete(record)
  }

  #record(bytes: number, fields: readonly ValueField[]): number {
    const key = JSON.stringify([bytes, fields.map((f) => [f.kind, f.offset, f.nodeOffset])])
    let record = this.#records.get(key)
    if (record === undefined) {
      record = this.#arena.alloc(fieldRecordSize(fields))
      hide(this.#arena, record)
      writeFieldRecord(this.#arena.view, record, { bytes, fields })
      this.#records.set(key, record)
    }
    return record
  }
}

/** Structs of the BTF whose ids a program has as constants: among them is what it makes objects of. */
function localTypes(program: ProgramSpec, btf: Btf): number[] {
  const constants = new Set(
    decode(program.insns).map(({ imm, imm64 }) => (imm64 === undefined ? imm : Number(imm64))),
  )
  return [...constants].filter((id) => {
    if (id <= 0 || !btf.has(id) || btf.kind(id) !== btfTools().BTF_KIND.STRUCT) return false
    return btf.size(id) !== undefined
  })
}

export const owns = ({ fields, live }: FieldsOfMap): boolean => live && ownsAnything(fields)
