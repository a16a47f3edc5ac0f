/** Why {@link WasmEncodeError} was thrown. */
export type WasmEncodeErrorCode =
  | 'WASM_IMPORT_ORDER'
  | 'WASM_UNBALANCED'
  | 'WASM_RANGE'
  | 'WASM_LABEL'
  | 'WASM_LOCALS'
  | 'WASM_DUPLICATE'
  | 'WASM_THUNK'

/** A module that cannot be encoded. `code` says which rule was broken; the message names the place. */
export class WasmEncodeError extends Error {
  override readonly name = 'WasmEncodeError'
  readonly code: WasmEncodeErrorCode

  constructor(code: WasmEncodeErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
