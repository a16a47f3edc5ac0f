import type { AttachPointDef } from './attach-point.ts'
import type { EngineDef } from './engine.ts'
import type { HelperDef } from './helper.ts'
import type { KfuncDef } from './kfunc.ts'
import type { LoaderDef } from './loader.ts'
import type { MapTypeDef } from './map-type.ts'
import type { ProgramTypeDef } from './program-type.ts'
import type { WasmExport } from './wasm-module.ts'

// A list of definitions of differing argument types: each was checked by its own define* function.
// biome-ignore lint/suspicious/noExplicitAny: variance of call() across helpers cannot be expressed otherwise
type Any = any

export interface PluginDef {
  readonly name: string
  readonly helpers?: readonly HelperDef<Any, Any>[]
  readonly kfuncs?: readonly KfuncDef<Any, Any>[]
  readonly mapTypes?: readonly MapTypeDef[]
  readonly programTypes?: readonly ProgramTypeDef[]
  readonly attachPoints?: readonly AttachPointDef<Any, Any>[]
  readonly loaders?: readonly LoaderDef[]
  readonly engines?: readonly EngineDef[]
  /**
   * Gives back what the special fields of a map's value hold on to (timers, objects): free_fields(map: i32, value: i32).
   * That of the first plugin which has one counts.
   */
  readonly freeFields?: WasmExport
}
