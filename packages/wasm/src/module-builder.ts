import { ByteBuffer } from './byte-buffer.ts'
import { type Code, createCode, type IndexOf } from './code.ts'
import { WasmEncodeError } from './errors.ts'
import { opcodes } from './opcodes.ts'
import {
  type ExternalKind,
  externalKindCodes,
  type FunctionType,
  type Limits,
  type MemoryType,
  type TableType,
  type ValueType,
  valueTypeCodes,
} from './types.ts'

/** A function of the module: its index, its type and its code. */
export interface FunctionBuilder {
  readonly index: number
  readonly typeIndex: number
  readonly code: Code
}

/** What to call a function. */
export interface FunctionOptions {
  /** For the name section: what profilers and stack traces show. */
  readonly name?: string
  /** Exported under this name. */
  readonly export?: string
  /** Names of the parameters, for the name section. */
  readonly params?: readonly string[]
}

/** A constant initial value: a number of the global's type, or the value of an imported global. */
export type Initializer = number | bigint | { readonly global: IndexOf }

const sections = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
} as const

const nameSubsections = { module: 0, function: 1, local: 2 } as const

/** One section's content with the number of its entries. */
class Entries {
  count = 0
  readonly bytes = new ByteBuffer(64)

  next(): ByteBuffer {
    this.count++
    return this.bytes
  }
}

/**
 * Builds one module and encodes it. Indices are given out as things are added, so everything that is imported comes before
 * everything of the same kind that the module defines (`WASM_IMPORT_ORDER` otherwise).
 */
export class ModuleBuilder {
  readonly #name: string | undefined
  readonly #types = new Map<string, number>()
  readonly #typeEntries = new Entries()
  readonly #imports = new Entries()
  readonly #tables = new Entries()
  readonly #memories = new Entries()
  readonly #globals = new Entries()
  readonly #exports = new Entries()
  readonly #exportNames = new Set<string>()
  readonly #elements = new Entries()
  readonly #data = new Entries()
  readonly #functions: FunctionBuilder[] = []
  readonly #functionNames: (string | undefined)[] = []
  readonly #customs: { name: string; bytes: Uint8Array }[] = []
  readonly #imported: Record<ExternalKind, number> = { function: 0, table: 0, memory: 0, global: 0 }
  #start: IndexOf | undefined

  /** `name` is the module's name in the name section. */
  constructor(name?: string) {
    this.#name = name
  }

  /** Index of a function type. Equal types share one index. */
  type(type: FunctionType): number {
    const key = `${type.params.join()}:${type.results.join()}`
    let index = this.#types.get(key)
    if (index === undefined) {
      index = this.#types.size
      this.#types.set(key, index)
      const bytes = this.#typeEntries.next()
      bytes.u8(0x60)
      writeValueTypes(bytes, type.params)
      writeValueTypes(bytes, type.results)
    }
    return index
  }

  /** Imports a function and returns its index. `name` is for the name section. */
  importFunction(module: string, field: string, type: FunctionType, name?: string): number {
    const bytes = this.#import('function', this.#functions.length, module, field)
    bytes.u32(this.type(type))
    this.#functionNames.push(name)
    return this.#imported.function++
  }

  /** Imports a memory and returns its index. */
  importMemory(module: string, field: string, type: MemoryType): number {
    const bytes = this.#import('memory', this.#memories.count, module, field)
    writeMemoryType(bytes, type)
    return this.#imported.memory++
  }

  /** Imports a table and returns its index. */
  importTable(module: string, field: string, type: TableType): number {
    const bytes = this.#import('table', this.#tables.count, module, field)
    writeTableType(bytes, type)
    return this.#imported.table++
  }

  /** Imports a global and returns its index. */
  importGlobal(module: string, field: string, type: ValueType, mutable = false): number {
    const bytes = this.#import('global', this.#globals.count, module, field)
    bytes.u8(valueTypeCodes[type])
    bytes.u8(mutable ? 1 : 0)
    return this.#imported.global++
  }

  #import(kind: ExternalKind, defined: number, module: string, field: string): ByteBuffer {
    if (defined > 0) {
      throw new WasmEncodeError(
        'WASM_IMPORT_ORDER',
        `import ${module}.${field}: a ${kind} is already defined; imports come first`,
      )
    }
    const bytes = this.#imports.next()
    bytes.text(module)
    bytes.text(field)
    bytes.u8(externalKindCodes[kind])
    return bytes
  }

  /** Defines a memory and returns its index. */
  memory(type: MemoryType): number {
    writeMemoryType(this.#memories.next(), type)
    return this.#imported.memory + this.#memories.count - 1
  }

  /** Defines a table and returns its index. */
  table(type: TableType): number {
    writeTableType(this.#tables.next(), type)
    return this.#imported.table + this.#tables.count - 1
  }

  /** Defines a global and returns its index. */
  global(type: 'i32' | 'i64' | 'f32' | 'f64', initial: Initializer, mutable = true): number {
    const bytes = this.#globals.next()
    bytes.u8(valueTypeCodes[type])
    bytes.u8(mutable ? 1 : 0)
    writeInitializer(bytes, type, initial)
    return this.#imported.global + this.#globals.count - 1
  }

  /** Declares a function. Its code may be written at any time before `encode`, so functions can call each other. */
  function(type: FunctionType, options: FunctionOptions = {}): FunctionBuilder {
    const index = this.#imported.function + this.#functions.length
    const built = { index, typeIndex: this.type(type), code: createCode(type.params.length) }
    this.#functions.push(built)
    this.#functionNames.push(options.name)
    options.params?.forEach((name, local) => {
      built.code.nameLocal(local, name)
    })
    if (options.export !== undefined) this.export(options.export, 'function', built)
    return built
  }

  /** Exports something under a name of its own (`WASM_DUPLICATE` otherwise). */
  export(name: string, kind: ExternalKind, of: IndexOf): void {
    if (this.#exportNames.has(name)) {
      throw new WasmEncodeError('WASM_DUPLICATE', `export "${name}" is given twice`)
    }
    this.#exportNames.add(name)
    const bytes = this.#exports.next()
    bytes.text(name)
    bytes.u8(externalKindCodes[kind])
    bytes.u32(indexOf(of))
  }

  /** The function to run when the module is instantiated. */
  start(of: IndexOf): void {
    this.#start = of
  }

  /** An active element segment: puts functions into table 0 from `offset` on when the module is instantiated. */
  elements(offset: Initializer, functions: readonly IndexOf[]): number {
    const bytes = this.#elements.next()
    bytes.u32(0)
    writeInitializer(bytes, 'i32', offset)
    writeFunctions(bytes, functions)
    return this.#elements.count - 1
  }

  /** A passive element segment, for `table.init`. */
  passiveElements(functions: readonly IndexOf[]): number {
    const bytes = this.#elements.next()
    bytes.u32(1)
    bytes.u8(0)
    writeFunctions(bytes, functions)
    return this.#elements.count - 1
  }

  /** Declares that `ref.func` is taken of functions that are in no other segment and not exported. */
  declareReferences(functions: readonly IndexOf[]): void {
    const bytes = this.#elements.next()
    bytes.u32(3)
    bytes.u8(0)
    writeFunctions(bytes, functions)
  }

  /** A data segment: copied to `offset` when the module is instantiated, or passive (for `memory.init`) without one. */
  data(content: Uint8Array, offset?: Initializer): number {
    const bytes = this.#data.next()
    bytes.u32(offset === undefined ? 1 : 0)
    if (offset !== undefined) writeInitializer(bytes, 'i32', offset)
    bytes.sized(content)
    return this.#data.count - 1
  }

  /** A custom section, placed after all others. */
  custom(name: string, bytes: Uint8Array): void {
    this.#customs.push({ name, bytes })
  }

  /** The module in the binary format. `names: false` leaves the name section out. */
  encode(options: { readonly names?: boolean } = {}): Uint8Array<ArrayBuffer> {
    let size = 256 + this.#data.bytes.length
    for (const { code } of this.#functions) size += code.body.length + 16
    const out = new ByteBuffer(size)
    out.bytes(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]))
    writeEntries(out, sections.type, this.#typeEntries)
    writeEntries(out, sections.import, this.#imports)
    if (this.#functions.length > 0) {
      const content = new ByteBuffer()
      content.u32(this.#functions.length)
      for (const { typeIndex } of this.#functions) content.u32(typeIndex)
      writeSection(out, sections.function, content)
    }
    writeEntries(out, sections.table, this.#tables)
    writeEntries(out, sections.memory, this.#memories)
    writeEntries(out, sections.global, this.#globals)
    writeEntries(out, sections.export, this.#exports)
    if (this.#start !== undefined) {
      const content = new ByteBuffer()
      content.u32(indexOf(this.#start))
      writeSection(out, sections.start, content)
    }
    writeEntries(out, sections.element, this.#elements)
    if (this.#data.count > 0) {
      const content = new ByteBuffer()
      content.u32(this.#data.count)
      writeSection(out, sections.dataCount, content)
    }
    if (this.#functions.length > 0) {
      const content = new ByteBuffer(size)
      content.u32(this.#functions.length)
      for (const { index, code } of this.#functions) {
        try {
          code.encode(content)
        } catch (error) {
          if (!(error instanceof WasmEncodeError)) throw error
          const name = this.#functionNames[index] ?? `function ${index}`
          throw new WasmEncodeError(error.code, `${name}: ${error.message}`)
        }
      }
      writeSection(out, sections.code, content)
    }
    writeEntries(out, sections.data, this.#data)
    if (options.names ?? true) this.#writeNames(out)
    for (const { name, bytes } of this.#customs) {
      const content = new ByteBuffer(name.length + bytes.length + 8)
      content.text(name)
      content.bytes(bytes)
      writeSection(out, sections.custom, content)
    }
    return out.toBytes()
  }

  #writeNames(out: ByteBuffer): void {
    const content = new ByteBuffer()
    content.text('name')
    if (this.#name !== undefined) {
      const sub = new ByteBuffer()
      sub.text(this.#name)
      writeSection(content, nameSubsections.module, sub)
    }
    const functions = new Entries()
    this.#functionNames.forEach((name, index) => {
      if (name !== undefined) writeName(functions.next(), index, name)
    })
    writeEntries(content, nameSubsections.function, functions)
    const locals = new Entries()
    for (const { index, code } of this.#functions) {
      if (code.localNames.size === 0) continue
      const bytes = locals.next()
      bytes.u32(index)
      bytes.u32(code.localNames.size)
      for (const [local, name] of [...code.localNames].sort(([a], [b]) => a - b)) {
        writeName(bytes, local, name)
      }
    }
    writeEntries(content, nameSubsections.local, locals)
    if (content.length > 5) writeSection(out, sections.custom, content)
  }
}

const indexOf = (of: IndexOf): number => (typeof of === 'number' ? of : of.index)

function writeSection(out: ByteBuffer, id: number, content: ByteBuffer): void {
  out.u8(id)
  out.sized(content.view())
}

function writeEntries(out: ByteBuffer, id: number, entries: Entries): void {
  if (entries.count === 0) return
  const count = new ByteBuffer()
  count.u32(entries.count)
  out.u8(id)
  out.u32(count.length + entries.bytes.length)
  out.bytes(count.view())
  out.bytes(entries.bytes.view())
}

function writeName(bytes: ByteBuffer, index: number, name: string): void {
  bytes.u32(index)
  bytes.text(name)
}

function writeValueTypes(bytes: ByteBuffer, types: readonly ValueType[]): void {
  bytes.u32(types.length)
  for (const type of types) bytes.u8(valueTypeCodes[type])
}

function writeLimits(bytes: ByteBuffer, limits: Limits, flags: number): void {
  bytes.u8(flags | (limits.maximum === undefined ? 0 : 1))
  bytes.u32(limits.initial)
  if (limits.maximum !== undefined) bytes.u32(limits.maximum)
}

function writeMemoryType(bytes: ByteBuffer, type: MemoryType): void {
  if (type.shared && type.maximum === undefined) {
    throw new WasmEncodeError('WASM_RANGE', 'a shared memory needs a maximum size')
  }
  writeLimits(bytes, type, type.shared ? 2 : 0)
}

function writeTableType(bytes: ByteBuffer, type: TableType): void {
  bytes.u8(valueTypeCodes[type.element ?? 'funcref'])
  writeLimits(bytes, type, 0)
}

function writeFunctions(bytes: ByteBuffer, functions: readonly IndexOf[]): void {
  bytes.u32(functions.length)
  for (const func of functions) bytes.u32(indexOf(func))
}

function writeInitializer(bytes: ByteBuffer, type: 'i32' | 'i64' | 'f32' | 'f64', value: Initializer): void {
  if (typeof value === 'object') {
    bytes.u8(opcodes['global.get'][0])
    bytes.u32(indexOf(value.global))
  } else {
    bytes.u8(opcodes[`${type}.const`][0])
    if (type === 'i64') {
      const bits = BigInt(value)
      bytes.s64(Number(bits & 0xffff_ffffn), Number((bits >> 32n) & 0xffff_ffffn))
    } else if (type === 'i32') bytes.s32(Number(value))
    else bytes[type](Number(value))
  }
  bytes.u8(opcodes.end[0])
}
