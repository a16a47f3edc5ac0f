import { memoryModule } from '@skep/memory'
import { control, mapLayout, programLayout } from '@skep/registry'
import { type FunctionType, ModuleBuilder, type ValueType } from '@skep/wasm'
import { type CompiledModule, compileModule, type ProgramExports } from '../module.ts'
import {
  ABI_VERSION,
  BTF_SECTION,
  CONTEXT_BEFORE,
  type Features,
  HEAD_ROOM,
  IMPORT_MODULE,
  METADATA_SECTION,
  type PacketContext,
  packetContexts,
  type StandaloneMetadata,
} from './abi.ts'
import { checkInput } from './check.ts'
import { StandaloneError } from './errors.ts'
import { addImage, withoutDataCount } from './image.ts'
import {
  mapExportsOf,
  type StandaloneInput,
  type StandaloneOptions,
  type StandaloneProgram,
} from './input.ts'
import { type FunctionReference, Linker } from './linker.ts'
import { MapExports } from './map-exports.ts'
import { mapMetadata, programMetadata, variableMetadata } from './metadata.ts'
import { Modules, missingHost } from './modules.ts'
import type { WasmModule } from './wasm-module.ts'

/** One module that runs in any WebAssembly host, and what its section `skep` says. */
export interface StandaloneModule {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly metadata: StandaloneMetadata
}

/** Of the two functions that a module may import. */
const importTypes: Readonly<Record<string, FunctionType>> = {
  clock: { params: ['i32'], results: ['i64'] },
  printk: { params: ['i32', 'i32'], results: [] },
}

/** Bytes of assembly/env.ts's scratch. */
const SCRATCH_SIZE = 1640
const MOST_PACKET = 1 << 30

/** Where `skep_packet` points, and the context before it. */
interface PacketArea {
  readonly context: number
  readonly address: number
  readonly size: number
}

function packetSize(options: StandaloneOptions): number {
  const size = options.packetSize ?? 65536
  if (Number.isInteger(size) && size >= 64 && size <= MOST_PACKET) return size
  throw new StandaloneError('BAD_OPTION', 'packetSize', `${size} is not an integer from 64 to ${MOST_PACKET}`)
}

const contextOf = ({ def }: StandaloneProgram): PacketContext | undefined => def && packetContexts[def.name]

function reservePacket(input: StandaloneInput, options: StandaloneOptions): PacketArea | undefined {
  const contexts = input.programs.flatMap((program) => contextOf(program) ?? [])
  if (contexts.length === 0) return undefined
  const size = packetSize(options)
  const before = CONTEXT_BEFORE + Math.max(...contexts.map((c) => c.size))
  const head = Math.ceil(before / 64) * 64
  const behind = Math.max(...contexts.map(({ tail, frame }) => Math.max(tail, frame)))
  const block = input.arena.alloc(head + HEAD_ROOM + size + behind, 64)
  return { context: block + CONTEXT_BEFORE, address: block + head + HEAD_ROOM, size }
}

/** Functions of the table that the arena names by slot: operations of maps, entries of programs. */
function tableFunctions(
  input: StandaloneInput,
  linker: Linker,
  modules: Modules,
  programs: WasmModule,
  names: readonly ProgramExports[],
): Map<number, FunctionReference> {
  const slots = new Map<number, FunctionReference>()
  const { view } = input.arena
  const put = (at: number, fn: FunctionReference | undefined): void => {
    const slot = view.getUint32(at, true)
    if (slot !== 0 && fn) slots.set(slot, fn)
  }
  for (const map of input.maps) {
    for (const [op, name] of Object.entries(mapExportsOf(map))) {
      const offset = (mapLayout as Readonly<Record<string, number>>)[`MAP_OP_${op.toUpperCase()}`]
      if (offset === undefined || name === undefined) continue
      put(map.address + offset, linker.exported(modules.of(map.def.wasm!.module), name))
    }
  }
  input.programs.forEach(({ record }, n) => {
    if (record !== 0) put(record + programLayout.PROG_SLOT, linker.exported(programs, names[n]!.entry))
  })
  return slots
}

/** Gives callbacks slots behind those of the table that the arena names. */
function placeCallbacks(
  compiled: CompiledModule,
  programs: WasmModule,
  linker: Linker,
  slots: Map<number, FunctionReference>,
): void {
  let next = Math.max(0, ...slots.keys()) + 1
  for (const { callbacks } of compiled.programs) {
    for (const { function: name, slot } of callbacks) {
      linker.setGlobal(programs, slot, next)
      slots.set(next++, linker.exported(programs, name)!)
    }
  }
}

/**
 * Makes one WebAssembly module of a loaded collection: its programs, the functions of other modules that they and the
 * exports call, and the arena as it is now. Throws StandaloneError for what needs a runtime, JitError for what cannot be
 * compiled. docs/guide/standalone.md describes the module.
 */
export function buildStandalone(input: StandaloneInput, options: StandaloneOptions = {}): StandaloneModule {
  const features: Features = options.features ?? '2.0'
  const scratch = input.arena.alloc(SCRATCH_SIZE, 64)
  const modules = new Modules(input, options, scratch)
  const linker = new Linker(modules.resolve)
  checkInput(input, linker, modules)
  const area = reservePacket(input, options)
  const compiled = compileModule(
    input.programs.map(({ linked }) => linked),
    { shared: false, control: input.control },
  )
  const programs = modules.setPrograms(compiled)
  const reference = (name: string): FunctionReference => linker.exported(programs, name)!
  const allocator = modules.of(memoryModule)
  const maps = new MapExports(input.maps, linker, modules)
  const contexts = new Map(
    input.programs.flatMap((program): [StandaloneProgram, PacketContext][] => {
      const context = contextOf(program)
      return context ? [[program, context]] : []
    }),
  )

  for (const { run, batch } of compiled.programs) {
    linker.take(reference(run))
    linker.take(reference(batch))
  }
  for (const name of ['alloc', 'free']) linker.take(linker.exported(allocator, name)!)
  for (const { write } of contexts.values()) linker.take(linker.exported(modules.own, write)!)
  maps.take()
  const slots = linker.usesTable
    ? tableFunctions(input, linker, modules, programs, compiled.programs)
    : new Map()
  if (linker.usesTable) placeCallbacks(compiled, programs, linker, slots)
  for (const fn of slots.values()) linker.take(fn)

  for (const host of linker.hosts) {
    const missing = missingHost(host)
    if (missing === undefined) continue
    throw new StandaloneError(
      'NEEDS_RUNTIME',
      'programs',
      `something that they call needs ${missing} of a runtime`,
    )
  }

  const builder = new ModuleBuilder('skep')
  const imports = Object.keys(importTypes).filter((name) => linker.hosts.has(name))
  const hosts = new Map(
    imports.map((name) => [
      name,
      { index: builder.importFunction(IMPORT_MODULE, name, importTypes[name]!, `skep.${name}`) },
    ]),
  )
  const pages = input.arena.u8.length / 65536
  builder.export('memory', 'memory', builder.memory({ initial: pages }))
  if (linker.usesTable) builder.table({ initial: Math.max(0, ...slots.keys()) + 1 })
  compiled.programs.forEach((names, n) => {
    linker.setGlobal(programs, names.record, input.programs[n]!.record)
  })
  linker.declare(builder)
  for (const [slot, fn] of slots) builder.elements(slot, [linker.built(fn)])

  const stack = input.arena.view.getUint32(input.control + control.CTL_SP, true)
  const batchStart = builder.global('i32', 0)
  const declare = (
    name: string,
    params: readonly ValueType[],
    results: readonly ValueType[],
    names: string[] = [],
  ) => builder.function({ params, results }, { name, export: name, params: names }).code
  input.programs.forEach((program, n) => {
    const { name } = program.linked
    const { run, batch } = compiled.programs[n]!
    const begin = (code: ReturnType<typeof declare>): void => {
      // A run that trapped left it anywhere.
      code
        .i32_const(0)
        .i32_const(stack)
        .i32_store(input.control + control.CTL_SP)
      code
        .i32_const(0)
        .i32_const(program.record)
        .i32_store(input.control + control.CTL_PROG)
    }
    const runs = declare(`run_${name}`, ['i32'], ['i32'], ['context'])
    begin(runs)
    runs.local_get(0).call(linker.built(reference(run)))
    const batches = declare(`batch_${name}`, ['i32', 'i32', 'i32'], ['i32'], ['contexts', 'count', 'results'])
    begin(batches)
    batches.local_get(0).global_set(batchStart)
    batches
      .local_get(0)
      .local_get(1)
      .local_get(2)
      .call(linker.built(reference(batch)))
    const context = contexts.get(program)
    if (!context || !area) return
    const write = linker.built(linker.exported(modules.own, context.write)!)
    const init = declare(
      `init_${name}`,
      ['i32', 'i32', 'i32', 'i32'],
      [],
      ['context', 'packet', 'length', 'tail'],
    )
    init.local_get(0).local_get(1).local_get(2).local_get(3).call(write)
    const make = declare(`context_${name}`, ['i32'], ['i32'], ['length'])
    make.local_get(0).i32_const(area.size).i32_gt_u().if()
    make.i32_const(0).return().end()
    make.i32_const(area.context).i32_const(area.address).local_get(0)
    const room = context.frame - HEAD_ROOM
    make.i32_const(room).local_get(0).i32_sub().i32_const(context.tail)
    make
      .local_get(0)
      .i32_const(room - context.tail)
      .i32_lt_s()
      .select()
    make.call(write).i32_const(area.context)
  })
  maps.declare(builder)

  const { control: block } = input
  declare('skep_abi_version', [], ['i32']).i32_const(ABI_VERSION)
  const alloc = declare('skep_alloc', ['i32', 'i32'], ['i32'], ['size', 'align'])
  alloc
    .local_get(0)
    .local_get(1)
    .call(linker.built(linker.exported(allocator, 'alloc')!))
  const free = declare('skep_free', ['i32'], ['i32'], ['address'])
  free.local_get(0).call(linker.built(linker.exported(allocator, 'free')!))
  declare('skep_r0', [], ['i64'])
    .i32_const(0)
    .i64_load(block + control.CTL_R0)
  declare('skep_fault', [], ['i32'])
    .i32_const(0)
    .i32_load(block + control.CTL_FAULT)
  const progress = linker.global(builder, programs, compiled.progress)
  declare('skep_done', [], ['i32'])
    .global_get(progress)
    .global_get(batchStart)
    .i32_sub()
    .i32_const(2)
    .i32_shr_u()
  declare('skep_time', ['i64'], [], ['nanoseconds'])
    .i32_const(0)
    .local_get(0)
    .i64_store(block + control.CTL_TIME)
  const seed = declare('skep_seed', ['i64'], [], ['seed'])
  // xorshift128+ must not start from zero.
  seed
    .i32_const(0)
    .local_get(0)
    .i64_const(1)
    .i64_or()
    .i64_store(block + control.CTL_RANDOM)
  seed.i32_const(0).local_get(0).i64_const(-0x61c8864680b583ebn).i64_mul()
  seed.i64_store(block + control.CTL_RANDOM + 8)
  if (area) {
    declare('skep_packet', [], ['i32']).i32_const(area.address)
    declare('skep_packet_size', [], ['i32']).i32_const(area.size)
  }
  linker.write(builder, hosts, { plain: features === '1.0', tailCalls: features === '3.0' })

  const variables = variableMetadata(input)
  input.maps.forEach(({ name }, index) => {
    builder.export(`map_${name}`, 'global', builder.global('i32', index, false))
  })
  for (const { name, address } of variables) {
    builder.export(`var_${name}`, 'global', builder.global('i32', address | 0, false))
  }
  const metadata: StandaloneMetadata = {
    abi: ABI_VERSION,
    generator: 'skep',
    verified: input.verified,
    license: input.license,
    features,
    byteOrder: 'little',
    memoryLimit: input.arena.limit,
    programs: input.programs.map((program) => programMetadata(program, contexts.get(program))),
    maps: input.maps.map((map, index) => mapMetadata(map, index, maps.operations(index))),
    variables,
    imports,
    ...(area ? { packet: { address: area.address, size: area.size } } : {}),
  }
  builder.custom(METADATA_SECTION, new TextEncoder().encode(JSON.stringify(metadata)))
  if (input.btf) builder.custom(BTF_SECTION, input.btf)
  addImage(builder, input.arena.u8)
  const bytes = builder.encode()
  return { bytes: features === '1.0' ? withoutDataCount(bytes) : bytes, metadata }
}
