import type { BtfValue, Codec, CodecForOptions } from '@skep/btf'
import type { HostMap } from '@skep/maps'
import type { CollectionSpec } from '@skep/registry'
import { btfCodecs } from './btf-codecs.ts'
import { RuntimeError } from './errors.ts'
import { encodeGlobal, type GlobalValue } from './globals.ts'
import type { Program, WarmupInput } from './program.ts'
import { perCpu, TypedMap } from './typed-map.ts'
import type { SharedCollection } from './workers/shared.ts'

export interface MapCodecs<K, V> {
  readonly key: Codec<K>
  readonly value: Codec<V>
}

/** What a collection needs of its runtime; not for hosts. */
export interface CollectionParts {
  readonly spec: CollectionSpec
  readonly programs: ReadonlyMap<string, Program>
  readonly maps: ReadonlyMap<string, HostMap>
  readonly cpus: number
  /** Settled when the engine that the programs stay on has them, with what stopped it if it could not take them; absent: at once. */
  readonly settled?: Promise<{ readonly failed?: unknown }> | undefined
  readonly share: () => SharedCollection
  readonly release: () => void
}

/**
 * The live objects of one loaded spec. Closing detaches its links and frees its maps; the order never matters. While one of
 * its programs runs (a helper in JS closes it), the memory goes when the run has returned.
 */
export class Collection {
  readonly spec: CollectionSpec
  readonly #parts: CollectionParts
  #closed = false

  constructor(parts: CollectionParts) {
    this.spec = parts.spec
    this.#parts = parts
  }

  get programs(): ReadonlyMap<string, Program> {
    return this.#parts.programs
  }

  get maps(): ReadonlyMap<string, HostMap> {
    return this.#parts.maps
  }

  /** The program of that name; with `type`, only if it is of that program type. Without a name, the only one. */
  program(name?: string): Program
  program<T extends string>(name: string, type: T): Program<T>
  program(name?: string, type?: string): Program {
    const { programs } = this.#parts
    const known = [...programs.keys()].join(', ') || 'none'
    const found =
      name === undefined && programs.size === 1 ? [...programs.values()][0] : programs.get(name ?? '')
    if (!found) {
      throw new RuntimeError(
        'NO_SUCH_PROGRAM',
        name ?? '',
        `no program "${name ?? ''}"; the collection has: ${known}`,
      )
    }
    if (type !== undefined && found.type !== type) {
      throw new RuntimeError(
        'WRONG_PROGRAM_TYPE',
        found.name,
        `program ${found.name} is of type ${found.type}, not ${type}; its section is ${this.#section(found.name)}`,
      )
    }
    return found
  }

  /**
   * The raw map, or with codecs a typed view of it; with `btf`, by the types that the object's BTF has for key and value: numbers
   * to 32 bits, bigints above, objects of structs. Throws RuntimeError NO_SUCH_MAP, CODEC_SIZE, NO_BTF.
   */
  map(name: string): HostMap
  map<K, V>(name: string, codecs: MapCodecs<K, V>): TypedMap<K, V>
  map<K = BtfValue, V = BtfValue>(name: string, codecs: 'btf', options?: CodecForOptions): TypedMap<K, V>
  map<K, V>(
    name: string,
    codecs?: MapCodecs<K, V> | 'btf',
    options?: CodecForOptions,
  ): HostMap | TypedMap<K, V> {
    const handle = this.#parts.maps.get(name)
    if (!handle) {
      const known = [...this.#parts.maps.keys()].join(', ') || 'none'
      throw new RuntimeError('NO_SUCH_MAP', name, `no map "${name}"; the collection has: ${known}`)
    }
    if (codecs !== 'btf') return codecs ? new TypedMap(handle, codecs.key, codecs.value) : handle
    const { key, value } = btfCodecs(this.spec, name, options)
    const values = handle.def.value === 'percpu' ? perCpu(value, this.#parts.cpus) : value
    return new TypedMap(handle, key, values) as unknown as TypedMap<K, V>
  }

  /** A per-CPU map with codecs for one CPU's value: values are arrays. */
  perCpuMap<K, V>(name: string, codecs: MapCodecs<K, V>): TypedMap<K, V[]> {
    const handle = this.map(name)
    if (handle.def.value !== 'percpu') {
      throw new RuntimeError(
        'CODEC_SIZE',
        name,
        `map ${name} (${handle.type}) has one value for all CPUs; use map("${name}", { key, value })`,
      )
    }
    return new TypedMap(handle, codecs.key, perCpu(codecs.value, this.#parts.cpus))
  }

  /**
   * Resolves when all programs are as fast as they become: the engine asked for has taken over (`tierUp`), and the host has
   * been made to compile its code in full. Rejects where that engine could not take the programs; they keep running.
   */
  async warmup(input: WarmupInput = {}): Promise<void> {
    const outcome = await this.#parts.settled
    if (outcome?.failed !== undefined) throw outcome.failed
    if (!this.#closed) for (const program of this.#parts.programs.values()) program.warmup(input)
  }

  /** The bytes of a global variable, copied. */
  readGlobal(name: string): Uint8Array {
    const variable = this.#variable(name)
    const value = this.map(variable.map).lookup(new Uint8Array(4))!
    return value.slice(variable.offset, variable.offset + variable.size)
  }

  /** Writes a global variable of `.data` or `.bss`; constants are set before load (setGlobals). */
  writeGlobal(name: string, value: GlobalValue): void {
    const variable = this.#variable(name)
    const map = this.map(variable.map)
    const contents = map.lookup(new Uint8Array(4))!
    encodeGlobal(variable, value, contents, variable.offset)
    map.update(new Uint8Array(4), contents)
  }

  /** What a worker that joined before this was loaded opens it with (`WorkerRuntime.open`). Throws RuntimeError UNSHARED. */
  share(): SharedCollection {
    if (this.#closed)
      throw new RuntimeError('CLOSED', 'collection', 'the collection is closed; load it again')
    return this.#parts.share()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#parts.release()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #section(program: string): string {
    return this.spec.programs.find((p) => p.name === program)?.section ?? 'unknown'
  }

  #variable(name: string): CollectionSpec['variables'][number] {
    const variable = this.spec.variables.find((v) => v.name === name)
    if (variable) return variable
    const known = this.spec.variables.map((v) => v.name).join(', ') || 'none'
    throw new RuntimeError('NO_SUCH_VARIABLE', name, `no global variable "${name}"; the object has: ${known}`)
  }
}
