import type { JsMapOps, MapOp } from '@skep/registry'
import { ModuleBuilder, type ValueType } from '@skep/wasm'

/** Wasm functions with the signatures of layout/map.ts, by operation. */
export type JsMapExports = Readonly<Partial<Record<MapOp, (...args: never[]) => number>>>

/** Parameters behind the map's address: addresses, or the 64-bit flags of an update. */
const shapes: Readonly<
  Record<'lookup' | 'update' | 'delete' | 'push' | 'pop' | 'peek', readonly ('address' | 'flags')[]>
> = {
  lookup: ['address'],
  update: ['address', 'address', 'flags'],
  delete: ['address'],
  push: ['address', 'flags'],
  pop: ['address'],
  peek: ['address'],
}

/**
 * Wasm functions that call a plugin's JS operations, so that programs and helpers reach them like any other map's.
 * Flags above 32 bits arrive as 0xffff_ffff: no operation knows such flags.
 */
export function wrapJsOps(ops: JsMapOps): JsMapExports {
  const present = (Object.keys(shapes) as (keyof typeof shapes)[]).filter((name) => ops[name])
  const module = new ModuleBuilder('map-ops')
  const imports = present.map((name) =>
    module.importFunction('js', name, { params: shapes[name].map(() => 'i32' as const), results: ['i32'] }),
  )
  present.forEach((name, n) => {
    const params: ValueType[] = [
      'i32',
      ...shapes[name].map((p) => (p === 'flags' ? 'i64' : 'i32') as ValueType),
    ]
    const { code } = module.function({ params, results: ['i32'] }, { export: name, name })
    shapes[name].forEach((kind, p) => {
      if (kind === 'address') {
        code.local_get(p + 1)
        return
      }
      code
        .local_get(p + 1)
        .i32_wrap_i64()
        .i32_const(-1)
        .local_get(p + 1)
        .i64_const(32)
        .i64_shr_u()
        .i64_eqz()
        .select()
    })
    code.call(imports[n]!)
  })
  const js = Object.fromEntries(
    present.map((name) => {
      const call = ops[name]!.bind(ops) as (...args: number[]) => number
      return [name, (...args: number[]) => call(...args.map((a) => a >>> 0))]
    }),
  )
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), { js })
  return instance.exports as unknown as JsMapExports
}
