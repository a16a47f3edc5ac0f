import type { FunctionBuilder, ModuleBuilder } from '@skep/wasm'
import { opcodes } from '@skep/wasm'
import { StandaloneError } from './errors.ts'
import { forEachInstruction, isVector } from './instructions.ts'
import { type Lowered, lowering } from './lower.ts'
import type { ModuleImport, WasmModule } from './wasm-module.ts'

/** What an import of a linked module is. */
export type Resolution =
  | { readonly module: WasmModule; readonly export: string }
  /** A function that the standalone module has of its own, or imports. */
  | { readonly host: string }
  /** A global that is a constant here: its address or number. */
  | { readonly constant: number }

export type Resolve = (module: WasmModule, wanted: ModuleImport) => Resolution | undefined

/** A function of one of the linked modules. */
export interface FunctionReference {
  readonly module: WasmModule
  /** In the module's index space; never an import. */
  readonly index: number
}

interface Taken extends FunctionReference {
  built?: FunctionBuilder
}

/** What a reachable function is reached from: for errors. */
interface Reached {
  readonly hosts: ReadonlySet<string>
  readonly indirect: boolean
}

const CALL_INDIRECT: number = opcodes.call_indirect[0]
const RETURN_CALL_INDIRECT: number = opcodes.return_call_indirect[0]

/** The call that a tail call is without its tail. Whoever makes it has put CTL_SP where the callee finds and leaves it. */
const plainCalls: ReadonlyMap<number, number> = new Map<number, number>([
  [opcodes.return_call[0], opcodes.call[0]],
  [opcodes.return_call_indirect[0], opcodes.call_indirect[0]],
])

/**
 * Puts functions of several modules over one memory and one function table into one module: those that the roots reach,
 * with the globals that they use.
 */
export class Linker {
  readonly #resolve: Resolve
  /** By module and index, in the order in which they were reached. */
  readonly #taken = new Map<WasmModule, Map<number, Taken>>()
  readonly #order: Taken[] = []
  readonly #hosts = new Set<string>()
  readonly #globals = new Map<string, number>()
  readonly #initial = new Map<string, bigint>()
  readonly #needs = new Map<Lowered, FunctionBuilder>()
  #usesTable = false

  constructor(resolve: Resolve) {
    this.#resolve = resolve
  }

  /** Host functions that something reaches. */
  get hosts(): ReadonlySet<string> {
    return this.#hosts
  }

  /** Whether something that is reached calls through the function table. */
  get usesTable(): boolean {
    return this.#usesTable
  }

  /** An exported function; undefined where the module has none of the name. */
  exported(module: WasmModule, name: string): FunctionReference | undefined {
    const index = module.exportedFunctions.get(name)
    return index === undefined ? undefined : { module, index }
  }

  /** Takes a function and all that it reaches. */
  take(root: FunctionReference): void {
    const open = [root]
    for (let next = open.pop(); next; next = open.pop()) {
      const { module, index } = next
      let ofModule = this.#taken.get(module)
      if (!ofModule) {
        ofModule = new Map()
        this.#taken.set(module, ofModule)
      }
      if (ofModule.has(index)) continue
      const taken: Taken = { module, index }
      ofModule.set(index, taken)
      this.#order.push(taken)
      const { direct, hosts, indirect } = this.#references(next)
      for (const host of hosts) this.#hosts.add(host)
      this.#usesTable ||= indirect
      open.push(...direct)
    }
  }

  /** What a function and all that it reaches need, without taking it. */
  reach(root: FunctionReference): Reached {
    const hosts = new Set<string>()
    let usesTable = false
    const seen = new Set<string>()
    const open = [root]
    for (let next = open.pop(); next; next = open.pop()) {
      const key = `${next.module.name}:${next.index}`
      if (seen.has(key)) continue
      seen.add(key)
      const { direct, hosts: own, indirect } = this.#references(next)
      for (const host of own) hosts.add(host)
      usesTable ||= indirect
      open.push(...direct)
    }
    return { hosts, indirect: usesTable }
  }

  #references({ module, index }: FunctionReference): {
    direct: FunctionReference[]
    hosts: string[]
    indirect: boolean
  } {
    const direct: FunctionReference[] = []
    const hosts: string[] = []
    let indirect = false
    const { from, to } = this.#body(module, index)
    forEachInstruction(module.bytes, from, to, `wasm module ${module.name}`, (it) => {
      if (it.opcode === CALL_INDIRECT || it.opcode === RETURN_CALL_INDIRECT) indirect = true
      if (it.kind !== 'func') return
      const target = this.#target(module, it.index)
      if (typeof target === 'string') hosts.push(target)
      else direct.push(target)
    })
    return { direct, hosts, indirect }
  }

  #body(module: WasmModule, index: number): WasmModule['functions'][number] {
    return module.functions[index - module.importedFunctions.length]!
  }

  /** The function behind an index: one of a module, or a host's by name. */
  #target(module: WasmModule, index: number): FunctionReference | string {
    const wanted = module.importedFunctions[index]
    if (!wanted) return { module, index }
    const found = this.#resolve(module, wanted)
    if (found && 'host' in found) return found.host
    const target = found && 'module' in found ? this.exported(found.module, found.export) : undefined
    if (target) return this.#isImport(target) ? this.#target(target.module, target.index) : target
    throw new StandaloneError(
      'BAD_MODULE',
      `wasm module ${module.name}`,
      `nothing gives its import ${wanted.module}.${wanted.field}`,
    )
  }

  #isImport = ({ module, index }: FunctionReference): boolean => index < module.importedFunctions.length

  /** Another first value of an exported global. */
  setGlobal(module: WasmModule, name: string, value: number): void {
    this.#initial.set(`${module.name}:${module.exportedGlobals.get(name)!}`, BigInt(value))
  }

  /** Declares what was taken. Imports of the builder come before; code is written by `write`. */
  declare(builder: ModuleBuilder): void {
    for (const taken of this.#order) {
      const { module, index } = taken
      const name = module.functionNames.get(index)
      taken.built = builder.function(
        module.types[this.#body(module, index).type]!,
        name === undefined ? {} : { name },
      )
    }
  }

  /** The function in the new module. */
  built(reference: FunctionReference): FunctionBuilder {
    return this.#taken.get(reference.module)!.get(reference.index)!.built!
  }

  /** Index of an exported global in the new module. */
  global(builder: ModuleBuilder, module: WasmModule, name: string): number {
    return this.#global(builder, module, module.exportedGlobals.get(name)!)
  }

  #global(builder: ModuleBuilder, module: WasmModule, index: number): number {
    const key = `${module.name}:${index}`
    const known = this.#globals.get(key)
    if (known !== undefined) return known
    const wanted = module.importedGlobals[index]
    let made: number
    if (wanted) {
      const found = this.#resolve(module, wanted)
      if (!found || !('constant' in found)) {
        throw new StandaloneError(
          'BAD_MODULE',
          `wasm module ${module.name}`,
          `nothing gives its import ${wanted.module}.${wanted.field}`,
        )
      }
      made = builder.global('i32', found.constant, false)
    } else {
      const { type, mutable, initial } = module.globals[index - module.importedGlobals.length]!
      made = builder.global(type, this.#initial.get(key) ?? initial, mutable)
    }
    this.#globals.set(key, made)
    return made
  }

  /**
   * Writes the code of everything taken. `hosts` are the functions that stand for host imports; `plain` writes nothing that
   * came after WebAssembly 1.0. Without `tailCalls` a tail call is a call that returns.
   */
  write(
    builder: ModuleBuilder,
    hosts: ReadonlyMap<string, { readonly index: number }>,
    { plain, tailCalls }: { readonly plain: boolean; readonly tailCalls: boolean },
  ): void {
    for (const { module, index, built } of this.#order) {
      const { code } = built!
      const { locals, from, to } = this.#body(module, index)
      for (const [count, type] of locals) for (let n = 0; n < count; n++) code.local(type)
      const { bytes } = module
      const { body } = code
      let copied = from
      const copyTo = (end: number): void => {
        body.bytes(bytes.subarray(copied, end))
        copied = end
      }
      forEachInstruction(bytes, from, to, `wasm module ${module.name}`, (it) => {
        const lower = plain ? lowering(it.opcode) : undefined
        if (lower) {
          copyTo(it.start)
          lower(code, (what) => this.#lowered(builder, what))
          copied = it.end
          return
        }
        if (plain && isVector(it.opcode)) {
          throw new StandaloneError(
            'BAD_MODULE',
            `wasm module ${module.name}`,
            'vector instructions cannot be said in WebAssembly 1.0; compile for 2.0',
          )
        }
        if (it.kind === undefined) return
        const call = tailCalls ? undefined : plainCalls.get(it.opcode)
        if (call === undefined) copyTo(it.indexStart)
        else {
          copyTo(it.start)
          body.u8(call)
        }
        if (it.kind === 'type') body.u32(builder.type(module.types[it.index]!))
        else if (it.kind === 'global') body.u32(this.#global(builder, module, it.index))
        else {
          const target = this.#target(module, it.index)
          const callee = typeof target === 'string' ? hosts.get(target)! : this.built(target)
          body.u32(callee.index)
        }
        copied = it.indexEnd
        if (call === undefined) return
        copyTo(it.end)
        code.return()
      })
      copyTo(to)
    }
    for (const [what, built] of this.#needs) what.write(built.code)
  }

  /** A function that does what an instruction does. */
  #lowered(builder: ModuleBuilder, what: Lowered): FunctionBuilder {
    let built = this.#needs.get(what)
    if (!built) {
      built = builder.function(what.type, { name: what.name })
      this.#needs.set(what, built)
    }
    return built
  }
}
