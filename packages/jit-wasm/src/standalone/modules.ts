import type { LinkedMap, MapOp, WasmModuleDef } from '@skep/registry'
import type { CompiledModule } from '../module.ts'
import { HELPERS_MODULE, hostFunctions, IMPORT_MODULE } from './abi.ts'
import { StandaloneError } from './errors.ts'
import {
  linkedTo,
  mapExportsOf,
  type StandaloneInput,
  type StandaloneMap,
  type StandaloneOptions,
} from './input.ts'
import type { Resolution } from './linker.ts'
import { standaloneModule } from './module.ts'
import { type ModuleImport, readModule, type WasmModule } from './wasm-module.ts'

interface Origin {
  readonly module: WasmModuleDef
  readonly export: string
}

/** Names of host functions that a standalone module has not begin with it. */
const HOST = 'host.'

/** The host function's name, when a resolution's host is one that no standalone module has. */
export const missingHost = (host: string): string | undefined =>
  host.startsWith(HOST) ? host.slice(HOST.length) : undefined

/** The wasm modules that a collection's programs are linked with, and what each of their imports is. */
export class Modules {
  readonly #read = new Map<WasmModuleDef, WasmModule>()
  readonly #defs = new Map<WasmModule, WasmModuleDef>()
  readonly #origins = new Map<unknown, Origin>()
  readonly #input: StandaloneInput
  readonly #options: StandaloneOptions
  readonly #constants: ReadonlyMap<string, number>
  #programs: { readonly module: WasmModule; readonly compiled: CompiledModule } | undefined

  constructor(input: StandaloneInput, options: StandaloneOptions, scratch: number) {
    this.#input = input
    this.#options = options
    this.#constants = new Map([
      ['env.control', input.control],
      ['env.scratch', scratch],
    ])
    for (const { linked } of input.programs) {
      for (const { fn, def } of linked.helpers.values()) {
        if (def.wasm) this.#origins.set(fn, def.wasm)
      }
      for (const map of linked.maps) this.#addMap(map)
    }
  }

  #addMap(linked: LinkedMap): void {
    const map = linkedTo(this.#input.maps, linked)
    if (!map?.def.wasm) return
    this.#addOps(map, linked.ops)
    const { inner, spec } = map
    if (inner && spec.inner && linked.inner) this.#addOps({ def: inner, spec: spec.inner }, linked.inner.ops)
  }

  #addOps(map: Pick<StandaloneMap, 'def' | 'spec'>, ops: LinkedMap['ops']): void {
    for (const [op, name] of Object.entries(mapExportsOf(map))) {
      const fn = ops[op as MapOp]
      if (fn !== undefined && name !== undefined)
        this.#origins.set(fn, { module: map.def.wasm!.module, export: name })
    }
  }

  /** The module that a definition stands for. */
  of(def: WasmModuleDef): WasmModule {
    let module = this.#read.get(def)
    if (!module) {
      module = readModule(def.name, def.bytes(false))
      this.#read.set(def, module)
      this.#defs.set(module, def)
    }
    return module
  }

  get own(): WasmModule {
    return this.of(standaloneModule)
  }

  /** The module of the compiled programs, whose imports are functions that the programs were linked with. */
  setPrograms(compiled: CompiledModule): WasmModule {
    const module = readModule('programs', compiled.bytes)
    this.#programs = { module, compiled }
    return module
  }

  readonly resolve = (module: WasmModule, wanted: ModuleImport): Resolution | undefined => {
    const { module: from, field } = wanted
    const constant = this.#constants.get(`${from}.${field}`)
    if (constant !== undefined) return { constant }
    if (module === this.#programs?.module) return this.#resolveCall(Number(field))
    if (from === IMPORT_MODULE && module === this.own) {
      const imported = this.#options[field as 'clock' | 'printk'] ?? true
      return imported ? { host: field } : { module, export: `${field}_fallback` }
    }
    if (from === 'host') {
      const served = module.name === HELPERS_MODULE && hostFunctions.has(field)
      return served ? { module: this.own, export: field } : { host: `${HOST}${field}` }
    }
    const dependency = this.#defs.get(module)?.imports?.find(({ name }) => name === from)
    return dependency && { module: this.of(dependency), export: field }
  }

  #resolveCall(n: number): Resolution | undefined {
    const fn = this.#programs!.compiled.imports[n]
    const origin = this.#origins.get(fn)
    if (origin) return { module: this.of(origin.module), export: origin.export }
    const name = (fn as { name?: string } | undefined)?.name
    throw new StandaloneError(
      'NEEDS_RUNTIME',
      'programs',
      `a function in JavaScript (${name}) is called; only functions in wasm can be linked`,
    )
  }
}
