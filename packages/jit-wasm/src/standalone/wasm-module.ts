import { type FunctionType, type ValueType, valueTypeCodes } from '@skep/wasm'
import { StandaloneError } from './errors.ts'
import { Cursor } from './instructions.ts'

export interface ModuleImport {
  readonly module: string
  readonly field: string
  readonly kind: 'function' | 'table' | 'memory' | 'global'
  /** Index of a function's type. */
  readonly type: number
}

export interface DefinedFunction {
  readonly type: number
  readonly locals: readonly (readonly [count: number, type: ValueType])[]
  /** Byte offsets of the instructions, without the final `end`. */
  readonly from: number
  readonly to: number
}

export interface DefinedGlobal {
  readonly type: 'i32' | 'i64'
  readonly mutable: boolean
  readonly initial: bigint
}

/** A module of the binary format, as far as linking needs it. */
export interface WasmModule {
  readonly name: string
  readonly bytes: Uint8Array
  readonly types: readonly FunctionType[]
  readonly imports: readonly ModuleImport[]
  readonly functions: readonly DefinedFunction[]
  readonly globals: readonly DefinedGlobal[]
  /** Index spaces begin with what is imported. */
  readonly importedFunctions: readonly ModuleImport[]
  readonly importedGlobals: readonly ModuleImport[]
  readonly exportedFunctions: ReadonlyMap<string, number>
  readonly exportedGlobals: ReadonlyMap<string, number>
  /** By index, from the name section. */
  readonly functionNames: ReadonlyMap<number, string>
}

const valueTypes = new Map(Object.entries(valueTypeCodes).map(([name, code]) => [code, name as ValueType]))
const kinds = ['function', 'table', 'memory', 'global'] as const
const I32_CONST = 0x41
const I64_CONST = 0x42

const SECTION = { type: 1, import: 2, function: 3, global: 6, export: 7, code: 10 } as const
/** Sections that say nothing to linking, or what each module of an arena has of its own memory and table. */
const PASSED_OVER: ReadonlySet<number> = new Set([4, 5, 12])
const REFUSED: Readonly<Record<number, string>> = {
  8: 'a start function',
  9: 'table elements of its own',
  11: 'data of its own',
}

/**
 * Reads a module that lies over the arena: memory and function table are imported, data it has none. Throws
 * StandaloneError BAD_MODULE for another one.
 */
export function readModule(name: string, bytes: Uint8Array): WasmModule {
  const types: FunctionType[] = []
  const imports: ModuleImport[] = []
  const functionTypes: number[] = []
  const functions: DefinedFunction[] = []
  const globals: DefinedGlobal[] = []
  const exportedFunctions = new Map<string, number>()
  const exportedGlobals = new Map<string, number>()
  let functionNames: ReadonlyMap<number, string> = new Map()
  const bad = (what: string): StandaloneError =>
    new StandaloneError('BAD_MODULE', `wasm module ${name}`, what)
  const cursor = new Cursor(bytes, 8)
  const list = <T>(read: () => T): T[] => Array.from({ length: cursor.u32() }, read)
  const valueType = (): ValueType => {
    const type = valueTypes.get(cursor.u8())
    if (!type) throw bad('a value type that is unknown here')
    return type
  }
  const readers: Readonly<Record<number, () => void>> = {
    [SECTION.type]: () => {
      list(() => {
        cursor.u8()
        types.push({ params: list(valueType), results: list(valueType) })
      })
    },
    [SECTION.import]: () => {
      list(() => {
        const module = cursor.text()
        const field = cursor.text()
        const kind = kinds[cursor.u8()]
        if (kind === undefined) throw bad(`import ${module}.${field} is of an unknown kind`)
        const limits = (): void => {
          const flags = cursor.u8()
          cursor.u32()
          if (flags & 1) cursor.u32()
        }
        let type = 0
        if (kind === 'function') type = cursor.u32()
        else if (kind === 'global') cursor.at += 2
        else {
          if (kind === 'table') cursor.at++
          limits()
        }
        imports.push({ module, field, kind, type })
      })
    },
    [SECTION.function]: () => {
      list(() => functionTypes.push(cursor.u32()))
    },
    [SECTION.global]: () => {
      list(() => {
        const type = valueType()
        const mutable = cursor.u8() === 1
        const opcode = cursor.u8()
        if ((opcode !== I32_CONST && opcode !== I64_CONST) || (type !== 'i32' && type !== 'i64'))
          throw bad('a global that does not begin with a constant integer')
        globals.push({ type, mutable, initial: cursor.s64() })
        cursor.u8()
      })
    },
    [SECTION.export]: () => {
      list(() => {
        const field = cursor.text()
        const kind = kinds[cursor.u8()]
        const index = cursor.u32()
        if (kind === 'function') exportedFunctions.set(field, index)
        else if (kind === 'global') exportedGlobals.set(field, index)
      })
    },
    [SECTION.code]: () => {
      let n = 0
      list(() => {
        const size = cursor.u32()
        const end = cursor.at + size
        const locals = list(() => [cursor.u32(), valueType()] as const)
        functions.push({ type: functionTypes[n++]!, locals, from: cursor.at, to: end - 1 })
        cursor.at = end
      })
    },
  }
  while (cursor.at < bytes.length) {
    const id = cursor.u8()
    const size = cursor.u32()
    const end = cursor.at + size
    const refused = REFUSED[id]
    if (refused !== undefined) throw bad(`it has ${refused}`)
    if (id === 0) functionNames = readNames(new Cursor(bytes, cursor.at), end) ?? functionNames
    else if (readers[id]) readers[id]()
    else if (!PASSED_OVER.has(id)) throw bad(`section ${id} is unknown here`)
    cursor.at = end
  }
  return {
    name,
    bytes,
    types,
    imports,
    functions,
    globals,
    importedFunctions: imports.filter(({ kind }) => kind === 'function'),
    importedGlobals: imports.filter(({ kind }) => kind === 'global'),
    exportedFunctions,
    exportedGlobals,
    functionNames,
  }
}

function readNames(cursor: Cursor, end: number): Map<number, string> | undefined {
  if (cursor.text() !== 'name') return undefined
  const names = new Map<number, string>()
  while (cursor.at < end) {
    const id = cursor.u8()
    const size = cursor.u32()
    const next = cursor.at + size
    if (id === 1) for (let left = cursor.u32(); left > 0; left--) names.set(cursor.u32(), cursor.text())
    cursor.at = next
  }
  return names
}
