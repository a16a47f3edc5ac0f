import type { UniformFunction } from '@skep/registry'

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

/**
 * A module of one function, `entry`: of the uniform signature, it calls `interpreter.enter` with the globals
 * `interpreter.code` and `interpreter.record` before its arguments. Base64; the test beside this file makes it.
 */
export const ENTRY_MODULE: string =
  'AGFzbQEAAAABFQJgB39/fn5+fn4BfmAFfn5+fn4BfgI/AwtpbnRlcnByZXRlcgVlbnRlcgAAC2ludGVycHJldGVyBGNvZGUD' +
  'fwALaW50ZXJwcmV0ZXIGcmVjb3JkA38AAwIBAQcJAQVlbnRyeQABChQBEgAjACMBIAAgASACIAMgBBAACwAnBG5hbWUAEhFp' +
  'bnRlcnByZXRlci1lbnRyeQEMAQEJYnBmX2VudHJ5'

let compiled: WebAssembly.Module | undefined

/** A wasm function that enters code at a record: what goes into the function table. */
export function entryThunk(enter: Enter, code: number, record: number): UniformFunction {
  compiled ??= new WebAssembly.Module(Uint8Array.from(atob(ENTRY_MODULE), (char) => char.charCodeAt(0)))
  const { exports } = new WebAssembly.Instance(compiled, { interpreter: { enter, code, record } })
  return exports.entry as UniformFunction
}
