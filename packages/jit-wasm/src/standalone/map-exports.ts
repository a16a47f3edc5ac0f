import { ERRNO, mapLayout } from '@skep/registry'
import type { Code, FunctionBuilder, ModuleBuilder, ValueType } from '@skep/wasm'
import { mapExportsOf, type StandaloneMap } from './input.ts'
import type { FunctionReference, Linker } from './linker.ts'
import type { Modules } from './modules.ts'

type Kind = StandaloneMap['def']['value']

interface MapFunction {
  /** `skep_map_` and this is the export. */
  readonly name: string
  /** The type's operations that serve it, the best first. */
  readonly ops: readonly ReturnType<typeof opNames>[number][]
  /** Parameters after the map's index; they are the operation's after the map's address. */
  readonly params: readonly ValueType[]
  readonly reads: boolean
  readonly writes: boolean
  /** Kinds of elements that it has a meaning for. */
  readonly kinds: readonly Kind[]
}

const opNames = (map: StandaloneMap): (keyof ReturnType<typeof mapExportsOf>)[] =>
  Object.keys(mapExportsOf(map)) as (keyof ReturnType<typeof mapExportsOf>)[]

const values: readonly Kind[] = ['plain', 'percpu', 'opaque']
const all: readonly Kind[] = [...values, 'program', 'map']

const mapFunctions: readonly MapFunction[] = [
  {
    name: 'lookup',
    ops: ['lookup_host', 'lookup'],
    params: ['i32'],
    reads: true,
    writes: false,
    kinds: values,
  },
  {
    name: 'update',
    ops: ['update'],
    params: ['i32', 'i32', 'i64'],
    reads: false,
    writes: true,
    kinds: values,
  },
  { name: 'delete', ops: ['delete'], params: ['i32'], reads: false, writes: true, kinds: all },
  { name: 'next_key', ops: ['next_key'], params: ['i32', 'i32'], reads: true, writes: false, kinds: all },
  {
    name: 'lookup_and_delete',
    ops: ['lookup_and_delete'],
    params: ['i32', 'i32'],
    reads: true,
    writes: true,
    kinds: values,
  },
  { name: 'push', ops: ['push'], params: ['i32', 'i64'], reads: false, writes: true, kinds: values },
  { name: 'pop', ops: ['pop'], params: ['i32'], reads: true, writes: true, kinds: values },
  { name: 'peek', ops: ['peek'], params: ['i32'], reads: true, writes: false, kinds: values },
]

/** How a map answers an operation: by calling a function, or with an errno. */
type Answer = FunctionReference | number | undefined

function answerOf(map: StandaloneMap, fn: MapFunction, linker: Linker, modules: Modules): Answer {
  const exports = mapExportsOf(map)
  const op = fn.ops.find((name) => exports[name] !== undefined)
  if (!op || !map.def.wasm || !fn.kinds.includes(map.def.value)) return undefined
  const flags = map.spec.flags ?? 0
  if (fn.reads && flags & mapLayout.BPF_F_WRONLY) return -ERRNO.EPERM
  if (fn.writes && (flags & mapLayout.BPF_F_RDONLY || map.spec.frozen)) return -ERRNO.EPERM
  return linker.exported(modules.of(map.def.wasm.module), exports[op]!)
}

/** The `skep_map_` exports: what each map answers, taken before code is written. */
export class MapExports {
  readonly #maps: readonly StandaloneMap[]
  readonly #linker: Linker
  readonly #answers: readonly (readonly Answer[])[]
  readonly #quiesce: readonly (readonly [map: StandaloneMap, fn: FunctionReference])[]

  constructor(maps: readonly StandaloneMap[], linker: Linker, modules: Modules) {
    this.#maps = maps
    this.#linker = linker
    this.#answers = mapFunctions.map((fn) => maps.map((map) => answerOf(map, fn, linker, modules)))
    this.#quiesce = maps.flatMap((map) => {
      const name = mapExportsOf(map).quiesce
      const fn = name === undefined ? undefined : linker.exported(modules.of(map.def.wasm!.module), name)
      return fn ? [[map, fn] as const] : []
    })
  }

  take(): void {
    for (const answers of this.#answers)
      for (const answer of answers) if (typeof answer === 'object') this.#linker.take(answer)
    for (const [, fn] of this.#quiesce) this.#linker.take(fn)
  }

  /** Names of the exports that work on the map of an index. */
  operations(index: number): string[] {
    return mapFunctions.filter((_, n) => typeof this.#answers[n]![index] === 'object').map(({ name }) => name)
  }

  declare(builder: ModuleBuilder): void {
    if (this.#maps.length === 0) return
    mapFunctions.forEach((fn, n) => {
      const type = { params: ['i32', ...fn.params] as ValueType[], results: ['i32'] as ValueType[] }
      const name = `skep_map_${fn.name}`
      const { code } = builder.function(type, { name, export: name, params: ['map'] })
      this.#writeChoice(code, fn, this.#answers[n]!)
    })
    const data = builder.function(
      { params: ['i32'], results: ['i32'] },
      { name: 'skep_map_data', export: 'skep_map_data', params: ['map'] },
    )
    this.#maps.forEach(({ address }, index) => {
      data.code.local_get(0).i32_const(index).i32_eq().if()
      data.code
        .i32_const(0)
        .i32_load(address + mapLayout.MAP_DATA)
        .return()
        .end()
    })
    data.code.i32_const(0)
    const quiesce = builder.function(
      { params: [], results: [] },
      { name: 'skep_quiesce', export: 'skep_quiesce' },
    )
    for (const [{ address }, fn] of this.#quiesce) {
      quiesce.code.i32_const(address).call(this.#linker.built(fn))
      if (this.#results(fn) > 0) quiesce.code.drop()
    }
  }

  #results({ module, index }: FunctionReference): number {
    const { type } = module.functions[index - module.importedFunctions.length]!
    return module.types[type]!.results.length
  }

  #writeChoice(code: Code, fn: MapFunction, answers: readonly Answer[]): void {
    // A lookup's result is an address: 0 says no.
    const failed = (errno: number): void => void code.i32_const(fn.name === 'lookup' ? 0 : errno)
    answers.forEach((answer, index) => {
      if (answer === undefined) return
      code.local_get(0).i32_const(index).i32_eq().if()
      if (typeof answer === 'number') failed(answer)
      else {
        code.i32_const(this.#maps[index]!.address)
        fn.params.forEach((_, param) => void code.local_get(param + 1))
        code.call(this.#linker.built(answer) satisfies FunctionBuilder)
      }
      code.return().end()
    })
    code.local_get(0).i32_const(answers.length).i32_ge_u().if()
    failed(-ERRNO.EBADF)
    code.return().end()
    failed(-ERRNO.ENOTSUPP)
  }
}
