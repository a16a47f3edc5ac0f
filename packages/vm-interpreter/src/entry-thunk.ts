import type { UniformFunction } from '@skep/registry'
import { helperType, ModuleBuilder } from '@skep/wasm'

type Enter = (
  code: number,
  record: number,
  r1: bigint,
  r2: bigint,
  r3: bigint,
  r4: bigint,
  r5: bigint,
) => bigint

/** Functions of the interpreter that thunks enter through. */
export interface EntryFunctions {
  readonly enter: Enter
  readonly call_back: Enter
}

let compiled: WebAssembly.Module | undefined

/** A function of the uniform signature that calls `enter` with two numbers before its arguments. */
function thunkModule(): WebAssembly.Module {
  const module = new ModuleBuilder('interpreter-entry')
  const enter = module.importFunction('interpreter', 'enter', {
    params: ['i32', 'i32', ...helperType.params],
    results: helperType.results,
  })
  const code = module.importGlobal('interpreter', 'code', 'i32')
  const record = module.importGlobal('interpreter', 'record', 'i32')
  const { code: body } = module.function(helperType, { export: 'entry', name: 'bpf_entry' })
  body.global_get(code).global_get(record)
  for (let register = 0; register < helperType.params.length; register++) body.local_get(register)
  body.call(enter)
  return new WebAssembly.Module(module.encode())
}

/** A wasm function that enters code at a record: what goes into the function table. */
export function entryThunk(enter: Enter, code: number, record: number): UniformFunction {
  compiled ??= thunkModule()
  const { exports } = new WebAssembly.Instance(compiled, { interpreter: { enter, code, record } })
  return exports.entry as UniformFunction
}
