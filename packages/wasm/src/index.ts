export { ByteBuffer } from './byte-buffer.ts'
export {
  type BlockType,
  type Code,
  CodeBase,
  createCode,
  type IndexOf,
  type Instructions,
  type Label,
  type MemoryInstruction,
  type PlainInstruction,
} from './code.ts'
export { WasmEncodeError, type WasmEncodeErrorCode } from './errors.ts'
export {
  type FunctionBuilder,
  type FunctionOptions,
  type Initializer,
  ModuleBuilder,
} from './module-builder.ts'
export { type OpName, type OpNameWith, opcodes } from './opcodes.ts'
export {
  createThunks,
  encodeThunks,
  type HelperFunction,
  helperType,
  type Thunk,
  type ThunkOptions,
  type ThunkParameter,
  type ThunkResult,
  thunkImports,
} from './thunks.ts'
export {
  type ExternalKind,
  externalKindCodes,
  type FunctionType,
  type Limits,
  type MemoryType,
  type RefType,
  type TableType,
  type ValueType,
  valueTypeCodes,
} from './types.ts'
