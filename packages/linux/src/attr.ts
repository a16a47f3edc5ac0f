import { KernelArgumentError } from './errors.ts'
import type { Command } from './uapi.ts'

/** A field of `union bpf_attr`: offset in bytes, then size: 4 and 8 are little-endian numbers, 'name' is char[16]. */
type Field = readonly [offset: number, size: 4 | 8 | 'name']

interface Layout {
  /** Bytes of the union's member that this command passes. */
  readonly size: number
  readonly fields: Readonly<Record<string, Field>>
}

const element: Layout = { size: 32, fields: { map_fd: [0, 4], key: [8, 8], value: [16, 8], flags: [24, 8] } }
const batch: Layout = {
  size: 56,
  fields: {
    in_batch: [0, 8],
    out_batch: [8, 8],
    keys: [16, 8],
    values: [24, 8],
    count: [32, 4],
    map_fd: [36, 4],
    elem_flags: [40, 8],
    flags: [48, 8],
  },
}

const nextId: Layout = { size: 12, fields: { start_id: [0, 4], next_id: [4, 4], open_flags: [8, 4] } }
const fdById: Layout = { size: 12, fields: { id: [0, 4], open_flags: [8, 4] } }
const path: Layout = { size: 16, fields: { pathname: [0, 8], bpf_fd: [8, 4], file_flags: [12, 4] } }
const attachment: Layout = {
  size: 32,
  fields: {
    target_fd: [0, 4],
    attach_bpf_fd: [4, 4],
    attach_type: [8, 4],
    attach_flags: [12, 4],
    replace_bpf_fd: [16, 4],
  },
}

/** Where each command's arguments are in `union bpf_attr` (include/uapi/linux/bpf.h at Linux 6.18). */
export const layouts: Readonly<Record<Command, Layout>> = {
  BPF_MAP_CREATE: {
    size: 80,
    fields: {
      map_type: [0, 4],
      key_size: [4, 4],
      value_size: [8, 4],
      max_entries: [12, 4],
      map_flags: [16, 4],
      inner_map_fd: [20, 4],
      numa_node: [24, 4],
      map_name: [28, 'name'],
      map_ifindex: [44, 4],
      btf_fd: [48, 4],
      btf_key_type_id: [52, 4],
      btf_value_type_id: [56, 4],
      btf_vmlinux_value_type_id: [60, 4],
      map_extra: [64, 8],
      value_type_btf_obj_fd: [72, 4],
      map_token_fd: [76, 4],
    },
  },
  BPF_MAP_LOOKUP_ELEM: element,
  BPF_MAP_UPDATE_ELEM: element,
  BPF_MAP_DELETE_ELEM: element,
  BPF_MAP_GET_NEXT_KEY: element,
  BPF_MAP_LOOKUP_AND_DELETE_ELEM: element,
  BPF_MAP_LOOKUP_BATCH: batch,
  BPF_MAP_LOOKUP_AND_DELETE_BATCH: batch,
  BPF_MAP_UPDATE_BATCH: batch,
  BPF_MAP_DELETE_BATCH: batch,
  BPF_MAP_FREEZE: { size: 4, fields: { map_fd: [0, 4] } },
  BPF_PROG_LOAD: {
    size: 152,
    fields: {
      prog_type: [0, 4],
      insn_cnt: [4, 4],
      insns: [8, 8],
      license: [16, 8],
      log_level: [24, 4],
      log_size: [28, 4],
      log_buf: [32, 8],
      kern_version: [40, 4],
      prog_flags: [44, 4],
      prog_name: [48, 'name'],
      prog_ifindex: [64, 4],
      expected_attach_type: [68, 4],
      prog_btf_fd: [72, 4],
      func_info_rec_size: [76, 4],
      func_info: [80, 8],
      func_info_cnt: [88, 4],
      line_info_rec_size: [92, 4],
      line_info: [96, 8],
      line_info_cnt: [104, 4],
      attach_btf_id: [108, 4],
      attach_prog_fd: [112, 4],
      core_relo_cnt: [116, 4],
      fd_array: [120, 8],
      core_relos: [128, 8],
      core_relo_rec_size: [136, 4],
      log_true_size: [140, 4],
      prog_token_fd: [144, 4],
      fd_array_cnt: [148, 4],
    },
  },
  BPF_PROG_ATTACH: attachment,
  BPF_PROG_DETACH: attachment,
  BPF_OBJ_PIN: path,
  BPF_OBJ_GET: path,
  BPF_LINK_CREATE: {
    size: 64,
    fields: {
      prog_fd: [0, 4],
      target_fd: [4, 4],
      attach_type: [8, 4],
      flags: [12, 4],
      iter_info: [16, 8],
      iter_info_len: [24, 4],
      target_btf_id: [16, 4],
      tracing_cookie: [24, 8],
      perf_cookie: [16, 8],
      relative_fd: [16, 4],
      expected_revision: [24, 8],
      pf: [16, 4],
      hooknum: [20, 4],
      priority: [24, 4],
      netfilter_flags: [28, 4],
    },
  },
  BPF_LINK_UPDATE: {
    size: 16,
    fields: { link_fd: [0, 4], new_prog_fd: [4, 4], flags: [8, 4], old_prog_fd: [12, 4] },
  },
  BPF_RAW_TRACEPOINT_OPEN: { size: 24, fields: { name: [0, 8], prog_fd: [8, 4], cookie: [16, 8] } },
  BPF_TASK_FD_QUERY: {
    size: 48,
    fields: {
      pid: [0, 4],
      fd: [4, 4],
      flags: [8, 4],
      buf_len: [12, 4],
      buf: [16, 8],
      prog_id: [24, 4],
      fd_type: [28, 4],
      probe_offset: [32, 8],
      probe_addr: [40, 8],
    },
  },
  BPF_PROG_QUERY: {
    size: 64,
    fields: {
      target_fd: [0, 4],
      attach_type: [4, 4],
      query_flags: [8, 4],
      attach_flags: [12, 4],
      prog_ids: [16, 8],
      prog_cnt: [24, 4],
      prog_attach_flags: [32, 8],
      link_ids: [40, 8],
      link_attach_flags: [48, 8],
      revision: [56, 8],
    },
  },
  BPF_ITER_CREATE: { size: 8, fields: { link_fd: [0, 4] } },
  BPF_PROG_TEST_RUN: {
    size: 80,
    fields: {
      prog_fd: [0, 4],
      retval: [4, 4],
      data_size_in: [8, 4],
      data_size_out: [12, 4],
      data_in: [16, 8],
      data_out: [24, 8],
      repeat: [32, 4],
      duration: [36, 4],
      ctx_size_in: [40, 4],
      ctx_size_out: [44, 4],
      ctx_in: [48, 8],
      ctx_out: [56, 8],
      flags: [64, 4],
      cpu: [68, 4],
      batch_size: [72, 4],
    },
  },
  BPF_PROG_GET_NEXT_ID: nextId,
  BPF_PROG_GET_FD_BY_ID: fdById,
  BPF_MAP_GET_NEXT_ID: nextId,
  BPF_MAP_GET_FD_BY_ID: fdById,
  BPF_BTF_GET_NEXT_ID: nextId,
  BPF_BTF_GET_FD_BY_ID: fdById,
  BPF_LINK_GET_NEXT_ID: nextId,
  BPF_LINK_GET_FD_BY_ID: fdById,
  BPF_OBJ_GET_INFO_BY_FD: { size: 16, fields: { bpf_fd: [0, 4], info_len: [4, 4], info: [8, 8] } },
  BPF_BTF_LOAD: {
    size: 32,
    fields: {
      btf: [0, 8],
      btf_log_buf: [8, 8],
      btf_size: [16, 4],
      btf_log_size: [20, 4],
      btf_log_level: [24, 4],
      btf_log_true_size: [28, 4],
    },
  },
}

/** `union bpf_attr` as bytes: cleared for a command, filled field by field, read back after the call. */
export class Attr {
  readonly bytes: Uint8Array = new Uint8Array(256)
  readonly #view = new DataView(this.bytes.buffer)
  readonly #encoder = new TextEncoder()
  #layout: Layout = element

  /** Clears the fields and takes the layout of a command; returns the size to pass. */
  begin(command: Command): number {
    this.bytes.fill(0)
    this.#layout = layouts[command]
    return this.#layout.size
  }

  set(name: string, value: number | bigint): void {
    const [offset, size] = this.#field(name)
    if (size === 8) this.#view.setBigUint64(offset, BigInt.asUintN(64, BigInt(value)), true)
    else {
      const n = Number(value)
      if (!Number.isInteger(n) || n < -0x8000_0000 || n > 0xffff_ffff) {
        throw new KernelArgumentError(name, `${value} is not a 32-bit number`)
      }
      this.#view.setUint32(offset, n, true)
    }
  }

  /** A char[16] with its terminating zero: longer names are cut, and what the kernel refuses in a name becomes `_`. */
  setName(name: string, value: string): void {
    const [offset] = this.#field(name)
    this.bytes.set(this.#encoder.encode(value.replace(/[^A-Za-z0-9_.]/g, '_').slice(0, 15)), offset)
  }

  /** Reads an 8-byte field. */
  getWide(name: string): bigint {
    return this.#view.getBigUint64(this.#field(name)[0], true)
  }

  /** Reads a 4-byte field. */
  get(name: string): number {
    return this.#view.getUint32(this.#field(name)[0], true)
  }

  #field(name: string): Field {
    const field = this.#layout.fields[name]
    if (!field) throw new RangeError(`union bpf_attr has no field ${name} for this command`)
    return field
  }
}
