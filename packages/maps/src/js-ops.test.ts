import { ModuleBuilder, type ValueType } from '@skep/wasm'
import { expect, it } from 'vitest'
import { JS_OPS_MODULE, jsOpShapes } from './js-ops.ts'

it('the module of operations in JS is what its description says', () => {
  const shapes = Object.entries(jsOpShapes)
  const module = new ModuleBuilder('map-ops')
  const imports = shapes.map(([name, kinds]) =>
    module.importFunction('js', name, { params: kinds.map(() => 'i32' as const), results: ['i32'] }),
  )
  for (const [n, [name, kinds]] of shapes.entries()) {
    const params: ValueType[] = [
      'i32',
      ...kinds.map((kind) => (kind === 'flags' ? 'i64' : 'i32') as ValueType),
    ]
    const { code } = module.function({ params, results: ['i32'] }, { export: name, name })
    for (const [p, kind] of kinds.entries()) {
      code.local_get(p + 1)
      if (kind === 'address') continue
      code
        .i32_wrap_i64()
        .i32_const(-1)
        .local_get(p + 1)
        .i64_const(32)
        .i64_shr_u()
        .i64_eqz()
        .select()
    }
    code.call(imports[n]!)
  }
  expect(btoa(String.fromCharCode(...module.encode()))).toBe(JS_OPS_MODULE)
})
