/** A value type, as the text format spells it. */
export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128' | 'funcref' | 'externref'

/** A reference type: what tables hold. */
export type RefType = Extract<ValueType, 'funcref' | 'externref'>

/** Binary codes of the value types. */
export const valueTypeCodes: Readonly<Record<ValueType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
  funcref: 0x70,
  externref: 0x6f,
}

/** Operands and results of a function or of a block. */
export interface FunctionType {
  readonly params: readonly ValueType[]
  readonly results: readonly ValueType[]
}

/** Size of a memory in 64 KiB pages, or of a table in elements. */
export interface Limits {
  readonly initial: number
  readonly maximum?: number
}

/** Size of a memory in pages of 64 KiB. A shared memory needs a maximum. */
export interface MemoryType extends Limits {
  readonly shared?: boolean
}

/** A table's size and what it holds (functions, unless told otherwise). */
export interface TableType extends Limits {
  readonly element?: RefType
}

/** What can be exported and imported. */
export type ExternalKind = 'function' | 'table' | 'memory' | 'global'

/** Binary codes of the external kinds. */
export const externalKindCodes: Readonly<Record<ExternalKind, number>> = {
  function: 0,
  table: 1,
  memory: 2,
  global: 3,
}
