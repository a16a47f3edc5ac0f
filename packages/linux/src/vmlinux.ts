import { readFileSync } from 'node:fs'
import { LinuxUnavailableError } from './errors.ts'

/** BTF_KIND_* numbers of the kinds that can be asked for by name. */
const kinds = { struct: 4, union: 5, enum: 6, typedef: 8, func: 12, var: 14, datasec: 15 } as const
export type NamedKind = keyof typeof kinds

/** Bytes after `struct btf_type` by kind: fixed, and for each of its vlen. */
const trailers: readonly (readonly [fixed: number, each: number])[] = [
  [0, 0], // void
  [4, 0], // int
  [0, 0], // ptr
  [12, 0], // array
  [0, 12], // struct
  [0, 12], // union
  [0, 8], // enum
  [0, 0], // fwd
  [0, 0], // typedef
  [0, 0], // volatile
  [0, 0], // const
  [0, 0], // restrict
  [0, 0], // func
  [0, 8], // func_proto
  [4, 0], // var
  [0, 12], // datasec
  [0, 0], // float
  [4, 0], // decl_tag
  [0, 0], // type_tag
  [0, 12], // enum64
]

/** Finds types of the running kernel by kind and name: only what loading programs needs. */
export class VmlinuxBtf {
  readonly #bytes: Buffer
  readonly #strings: number
  /** Type id by name offset, a map for each kind asked for; the kernel's BTF holds every string once. */
  readonly #ids = new Map<number, Map<number, number>>()
  /** Offset of each type by id. */
  readonly #offsets: Uint32Array

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const header = this.#bytes.readUInt32LE(4)
    const types = header + this.#bytes.readUInt32LE(8)
    const end = types + this.#bytes.readUInt32LE(12)
    this.#strings = header + this.#bytes.readUInt32LE(16)
    const offsets = [0]
    for (let at = types; at < end; ) {
      offsets.push(at)
      const info = this.#bytes.readUInt32LE(at + 4)
      const trailer = trailers[(info >>> 24) & 0x1f]
      if (!trailer)
        throw new LinuxUnavailableError('no-syscall', `the kernel's BTF has an unknown kind at offset ${at}`)
      at += 12 + trailer[0] + trailer[1] * (info & 0xffff)
    }
    this.#offsets = Uint32Array.from(offsets)
  }

  /** The id of the first type of this kind and name, or undefined. */
  find(kind: NamedKind, name: string): number | undefined {
    const at = this.#bytes.indexOf(`\0${name}\0`, this.#strings, 'latin1')
    return at < 0 ? undefined : this.#index(kinds[kind]).get(at + 1 - this.#strings)
  }

  /** The index of a struct's member by name, or undefined. */
  memberIndex(structId: number, name: string): number | undefined {
    const at = this.#offsets[structId]
    if (!at) return undefined
    const count = this.#bytes.readUInt32LE(at + 4) & 0xffff
    for (let i = 0; i < count; i++) {
      const start = this.#strings + this.#bytes.readUInt32LE(at + 12 + 12 * i)
      if (this.#bytes.toString('latin1', start, this.#bytes.indexOf(0, start)) === name) return i
    }
    return undefined
  }

  #index(kind: number): Map<number, number> {
    let index = this.#ids.get(kind)
    if (!index) {
      index = new Map()
      for (let id = this.#offsets.length - 1; id > 0; id--) {
        const at = this.#offsets[id] ?? 0
        if (((this.#bytes.readUInt32LE(at + 4) >>> 24) & 0x1f) === kind)
          index.set(this.#bytes.readUInt32LE(at), id)
      }
      this.#ids.set(kind, index)
    }
    return index
  }
}

/** The running kernel's own types, from /sys/kernel/btf/vmlinux; undefined where the kernel was built without BTF. */
export const readVmlinuxBtf = (path = '/sys/kernel/btf/vmlinux'): VmlinuxBtf | undefined => {
  try {
    return new VmlinuxBtf(readFileSync(path))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
