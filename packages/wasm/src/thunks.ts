import type { Code } from './code.ts'
import { WasmEncodeError } from './errors.ts'
import { ModuleBuilder } from './module-builder.ts'
import type { FunctionType, MemoryType, ValueType } from './types.ts'

/** The signature that BPF helpers have in wasm: `(r1, r2, r3, r4, r5) -> r0`, all 64 bits. */
export const helperType: FunctionType = { params: ['i64', 'i64', 'i64', 'i64', 'i64'], results: ['i64'] }

/**
 * What the JS function gets for a parameter of the helper:
 * - `i32`: one number, the low 32 bits, signed
 * - `i64`: two numbers, the low and the high 32 bits, both signed
 * - `skip`: nothing
 */
export type ThunkParameter = 'i32' | 'i64' | 'skip'

/**
 * How the JS function's number becomes the 64-bit result:
 * - `i32`: sign-extended (errnos, scalars of type int)
 * - `u32`: zero-extended (pointers)
 * - `i64`: the number is the low half; the high half is read from where {@link ThunkOptions.high} says, after the call
 * - `void`: 0, whatever was returned
 */
export type ThunkResult = 'i32' | 'u32' | 'i64' | 'void'

/** One JS function and how to call it. */
export interface Thunk {
  /** For stack traces and profiles. */
  readonly name?: string
  /** One entry for each of r1 to r5 that the helper has, in order; at most five. */
  readonly params: readonly ThunkParameter[]
  readonly result: ThunkResult
  /** Gets one number for each `i32` and two for each `i64`. */
  readonly call: (...args: number[]) => number | void
}

/** Where the high half of an `i64` result is found. Needed only when a thunk has one. */
export interface ThunkOptions {
  readonly high?:
    | { readonly global: WebAssembly.Global }
    | { readonly memory: WebAssembly.Memory; readonly type: MemoryType; readonly address: number }
}

/** A wasm function of {@link helperType}, callable from other modules without a BigInt. */
export type HelperFunction = (r1: bigint, r2: bigint, r3: bigint, r4: bigint, r5: bigint) => bigint

function writeResult(code: Code, result: ThunkResult, readHigh: ((code: Code) => void) | undefined): void {
  switch (result) {
    case 'i32':
      code.i64_extend_i32_s()
      break
    case 'u32':
      code.i64_extend_i32_u()
      break
    case 'void':
      code.i64_const(0)
      break
    case 'i64':
      if (!readHigh) {
        throw new WasmEncodeError('WASM_THUNK', 'an i64 result needs `high`, the place of its upper half')
      }
      code.i64_extend_i32_u()
      readHigh(code)
      code.i64_extend_i32_u().i64_const(32).i64_shl().i64_or()
      break
  }
}

/**
 * Encodes the module behind {@link createThunks}: imports `js.<n>` (and `js.high`), exports `<n>`, where n is the place in
 * `thunks`. For hosts that must compile asynchronously.
 */
export function encodeThunks(thunks: readonly Thunk[], options: ThunkOptions = {}): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder('thunks')
  let readHigh: ((code: Code) => void) | undefined
  const high = options.high
  if (high && 'global' in high) {
    const global = module.importGlobal('js', 'high', 'i32', true)
    readHigh = (code) => code.global_get(global)
  } else if (high) {
    module.importMemory('js', 'high', high.type)
    readHigh = (code) => code.i32_const(high.address).i32_load()
  }
  const imports = thunks.map((thunk, n) => {
    if (thunk.params.length > 5) {
      throw new WasmEncodeError(
        'WASM_THUNK',
        `${thunk.name ?? n} has ${thunk.params.length} parameters; a helper has at most 5`,
      )
    }
    const params = thunk.params.flatMap((kind): ValueType[] =>
      kind === 'skip' ? [] : kind === 'i32' ? ['i32'] : ['i32', 'i32'],
    )
    return module.importFunction('js', `${n}`, { params, results: thunk.result === 'void' ? [] : ['i32'] })
  })
  thunks.forEach((thunk, n) => {
    const { code } = module.function(helperType, {
      export: `${n}`,
      ...(thunk.name === undefined ? {} : { name: thunk.name }),
    })
    thunk.params.forEach((kind, param) => {
      if (kind === 'skip') return
      code.local_get(param).i32_wrap_i64()
      if (kind === 'i64') code.local_get(param).i64_const(32).i64_shr_u().i32_wrap_i64()
    })
    code.call(imports[n]!)
    writeResult(code, thunk.result, readHigh)
  })
  return module.encode()
}

/** What {@link encodeThunks}' module imports. */
export function thunkImports(thunks: readonly Thunk[], options: ThunkOptions = {}): WebAssembly.Imports {
  const js: Record<string, WebAssembly.ImportValue> = {}
  thunks.forEach((thunk, n) => {
    js[n] = thunk.call
  })
  const high = options.high
  if (high) js['high'] = 'global' in high ? high.global : high.memory
  return { js }
}

/**
 * Wraps JS functions as wasm functions of BPF's uniform helper signature, in one small module: arguments are narrowed to
 * 32-bit numbers and results widened inside wasm, so that no BigInt crosses. The result has one function for each thunk,
 * in order.
 */
export function createThunks(thunks: readonly Thunk[], options: ThunkOptions = {}): HelperFunction[] {
  if (thunks.length === 0) return []
  const module = new WebAssembly.Module(encodeThunks(thunks, options))
  const { exports } = new WebAssembly.Instance(module, thunkImports(thunks, options))
  return thunks.map((_, n) => exports[n] as HelperFunction)
}
