import { type Insn, parseAssembly } from '@skep/isa'
import type { Arena } from '@skep/memory'
import {
  type CompiledProgram,
  type Cpu,
  control,
  defineHelper,
  type Engine,
  field,
  type HelperDef,
  type LinkedHelper,
  type LinkedMap,
  type LinkedProgram,
  type MapOp,
  mapLayout,
  programLayout,
  type StructContext,
  struct,
} from '@skep/registry'
import { createThunks, helperType, ModuleBuilder } from '@skep/wasm'
import { createInterpreterEngine, type InterpreterOptions } from '../src/engine.ts'
import { createTestCpu, weakFacts, withSymbols } from './cpu.ts'

export interface LinkOptions {
  readonly name?: string
  /** Without facts, so that accesses are checked at run time. */
  readonly checked?: boolean
  readonly helpers?: readonly LinkedHelper[]
  readonly maps?: readonly LinkedMap[]
  readonly context?: StructContext
  /** Names in the text that stand for numbers. */
  readonly symbols?: Readonly<Record<string, number | bigint>>
}

/** What assembled text says of functions, from their distance to their slot. */
function linkFunctions(insns: readonly Insn[]): Insn[] {
  return insns.map((insn, slot) =>
    insn.def.kind === 'ld_imm64' && insn.src === 4 ? { ...insn, imm64: BigInt(slot + 1 + insn.imm) } : insn,
  )
}

/** Links a program given as text or as instructions, whose functions are slots already. */
export function link(source: string | readonly Insn[], options: LinkOptions = {}): LinkedProgram {
  const insns =
    typeof source === 'string'
      ? linkFunctions(parseAssembly(withSymbols(source, options.symbols)).insns)
      : source
  return {
    name: options.name ?? 'test',
    insns,
    subprograms: [0],
    ...(options.checked ? {} : { facts: weakFacts(insns.length) }),
    helpers: new Map((options.helpers ?? []).map((helper) => [helper.def.id, helper])),
    maps: options.maps ?? [],
    ...(options.context ? { context: options.context } : {}),
  }
}

export interface Fault {
  readonly code: number
  readonly pc: number
  readonly address: number
}

/** An interpreter on a CPU of its own, and what tests ask of it. */
export class Bench {
  readonly cpu: Cpu
  readonly arena: Arena
  readonly engine: Engine

  private constructor(cpu: Cpu, engine: Engine) {
    this.cpu = cpu
    this.arena = cpu.arena
    this.engine = engine
  }

  static async create(
    options: InterpreterOptions & { readonly shared?: boolean } = {},
    cpu: Cpu = createTestCpu({ shared: options.shared ?? false }),
  ): Promise<Bench> {
    return new Bench(cpu, await createInterpreterEngine(options).create(cpu))
  }

  async load(source: string | readonly Insn[], options: LinkOptions = {}): Promise<CompiledProgram> {
    const { programs } = await this.engine.compile([link(source, options)])
    return programs[0]!
  }

  /** Runs once; all 64 bits of r0, or the fault. */
  run(program: CompiledProgram, context = 0): bigint | Fault {
    program.run(context)
    return this.fault() ?? this.r0()
  }

  /** Loads and runs text. */
  async eval(source: string, options: LinkOptions = {}, context = 0): Promise<bigint | Fault> {
    return this.run(await this.load(source, options), context)
  }

  r0(): bigint {
    return this.arena.view.getBigUint64(this.cpu.control + control.CTL_R0, true)
  }

  ctl(field: number): number {
    return this.arena.view.getUint32(this.cpu.control + field, true)
  }

  setCtl(field: number, value: number): void {
    this.arena.view.setUint32(this.cpu.control + field, value, true)
  }

  setBudget(budget: bigint): void {
    this.arena.view.setBigInt64(this.cpu.control + control.CTL_BUDGET, budget, true)
  }

  budget(): bigint {
    return this.arena.view.getBigInt64(this.cpu.control + control.CTL_BUDGET, true)
  }

  fault(): Fault | undefined {
    const code = this.ctl(control.CTL_FAULT)
    if (code === control.FAULT_NONE) return undefined
    return { code, pc: this.ctl(control.CTL_FAULT_PC), address: this.ctl(control.CTL_FAULT_ADDR) }
  }

  /** Copies bytes (or so many zeros) into a new allocation. */
  place(bytes: Uint8Array | readonly number[] | number): number {
    const size = typeof bytes === 'number' ? bytes : bytes.length
    const address = this.arena.alloc(Math.max(size, 1), 16)
    if (typeof bytes !== 'number') this.arena.u8.set(bytes, address)
    return address
  }

  /** An xdp_md over bytes. */
  packet(bytes: Uint8Array | readonly number[]): number {
    const data = this.place(bytes)
    const context = this.place(64) + 32
    this.arena.u32.set([data, data + bytes.length, data], context >>> 2)
    return context
  }

  u64(address: number): bigint {
    return this.arena.view.getBigUint64(address, true)
  }

  /** A helper in JS whose arguments and result are whole registers. */
  helper(
    id: number,
    call: (...registers: bigint[]) => bigint,
    def: Partial<Omit<HelperDef, 'id'>> = {},
  ): LinkedHelper {
    const { arena } = this
    const high = this.cpu.control + control.CTL_RET_HI
    const type = arena.shared ? { initial: 0, maximum: 65536, shared: true } : { initial: 0 }
    const [fn] = createThunks(
      [
        {
          params: ['i64', 'i64', 'i64', 'i64', 'i64'],
          result: 'i64',
          call: (...halves) => {
            const registers = [0, 2, 4, 6, 8].map(
              (n) => (BigInt(halves[n + 1]! >>> 0) << 32n) | BigInt(halves[n]! >>> 0),
            )
            const result = BigInt.asUintN(64, call(...registers))
            arena.view.setUint32(high, Number(result >> 32n), true)
            return Number(result & 0xffff_ffffn) | 0
          },
        },
      ],
      { high: { memory: arena.memory, type, address: high } },
    )
    return this.#linkHelper(id, fn, def)
  }

  /** bpf_loop: calls the callback r2 with (n, r3) r1 times, or until it returns non-zero; returns how often. */
  loopHelper(id = 181): LinkedHelper {
    const module = new ModuleBuilder('loop')
    const type = module.type(helperType)
    module.importTable('env', 'table', { initial: 1 })
    const { code } = module.function(helperType, { export: 'loop' })
    const n = code.local('i64')
    const done = code.block()
    const next = code.loop()
    code.local_get(n).local_get(0).i64_ge_u().br_if(done)
    code.local_get(n).local_get(2).i64_const(0).i64_const(0).i64_const(0)
    code.local_get(1).i32_wrap_i64().call_indirect(type)
    code.local_get(n).i64_const(1).i64_add().local_set(n)
    code.i64_eqz().br_if(next).end().end().local_get(n)
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), {
      env: { table: this.cpu.table },
    })
    return this.#linkHelper(id, exports.loop, {
      args: [{ kind: 'anything' }, { kind: 'func' }, { kind: 'stack', nullable: true }],
    })
  }

  /** bpf_tail_call's descriptor: engines perform it themselves. */
  tailCallHelper(id = 12): LinkedHelper {
    const def = defineHelper({
      name: 'bpf_tail_call',
      id,
      args: [
        { kind: 'ctx' },
        { kind: 'const_map_ptr', mapTypes: ['prog_array'] },
        { kind: 'anything', js: 'u32' },
      ],
      returns: { kind: 'void' },
      tailCall: true,
    })
    return { def, fn: undefined as never, slot: 0 }
  }

  #linkHelper(id: number, fn: unknown, def: Partial<Omit<HelperDef, 'id'>>): LinkedHelper {
    const { args = [], returns = { kind: 'integer' }, ...rest } = def
    return {
      def: defineHelper({ name: `helper_${id}`, args, returns, ...rest, id }),
      fn: fn as LinkedHelper['fn'],
      slot: this.cpu.addFunction(fn),
    }
  }

  /** A map whose values lie in one array, as packages/maps lays one out. */
  arrayMap(
    options: { valueSize?: number; entries?: number; type?: number; ops?: readonly MapOp[] } = {},
  ): TestMap {
    const { valueSize = 8, entries = 4, type = 2, ops = ['lookup'] } = options
    const { arena } = this
    const stride = (valueSize + 7) & ~7
    const address = arena.alloc(mapLayout.MAP_HEADER_SIZE, 16)
    const data = arena.alloc(stride * entries, 64)
    const put = (at: number, value: number): void => arena.view.setUint32(address + at, value, true)
    put(mapLayout.MAP_TYPE, type)
    put(mapLayout.MAP_KEY_SIZE, 4)
    put(mapLayout.MAP_VALUE_SIZE, valueSize)
    put(mapLayout.MAP_MAX_ENTRIES, entries)
    put(mapLayout.MAP_DATA, data)
    put(mapLayout.MAP_STRIDE, stride)
    put(mapLayout.MAP_SHAPE + 4, stride)
    put(mapLayout.MAP_SHAPE + 8, valueSize)
    arena.exports.setShape(address, 1)
    arena.exports.setShape(data, address + mapLayout.MAP_SHAPE)
    return { name: 'map', address, ops: Object.fromEntries(ops.map((op) => [op, {}])), data }
  }

  /** bpf_map_lookup_elem for `arrayMap`. */
  lookupHelper(id = 1): LinkedHelper {
    const lookup = (map: bigint, key: bigint): bigint => {
      const { view } = this.arena
      const header = Number(map)
      const index = view.getUint32(Number(key), true)
      if (index >= view.getUint32(header + mapLayout.MAP_MAX_ENTRIES, true)) return 0n
      const data = view.getUint32(header + mapLayout.MAP_DATA, true)
      return BigInt(data + index * view.getUint32(header + mapLayout.MAP_STRIDE, true))
    }
    return this.helper(id, (map, key) => lookup(map!, key!), {
      args: [{ kind: 'const_map_ptr' }, { kind: 'map_key', access: 'read' }],
      returns: { kind: 'map_value', nullable: true },
      mapOp: 'lookup',
    })
  }

  /** A program array, and a way to put programs into it. */
  progArray(entries = 4): TestMap & { set(index: number, program: CompiledProgram, code?: number): number } {
    const map = this.arrayMap({ valueSize: 4, entries, type: 3, ops: [] })
    const { arena, cpu } = this
    arena.view.setUint32(map.address + mapLayout.MAP_STRIDE, 4, true)
    arena.exports.setShape(map.data, 1)
    return {
      ...map,
      set: (index, program, code = program.code) => {
        const record = arena.alloc(programLayout.PROG_RECORD_SIZE, 16)
        arena.view.setUint32(record + programLayout.PROG_SLOT, cpu.addFunction(program.entry), true)
        arena.view.setUint32(record + programLayout.PROG_CODE, code, true)
        arena.view.setUint32(map.data + index * 4, record, true)
        return record
      },
    }
  }
}

export interface TestMap extends LinkedMap {
  /** Address of the first value. */
  readonly data: number
}

/** Bare memory as a context: all of it may be read and written. */
export const bareContext = (size: number): StructContext => ({
  kind: 'struct',
  name: 'memory',
  size,
  fields: [],
})

/** The first fields of xdp_md, and one that programs may write. */
export const packetContext: StructContext = struct(
  'test_md',
  {
    data: field.packet(),
    data_end: field.packetEnd(),
    data_meta: field.packetMeta(),
    mark: field.u32({ write: true }),
    secret: field.u32({ read: false }),
    tail: field.u32(),
  },
  { packet: { data: 'data', end: 'data_end', meta: 'data_meta' } },
)
